"""Readings that are not in the database yet; plots add them to what the database has.

Reports are kept as they come, by device. They are sorted by name only when somebody reads them: columns of many reports
take a fifth of the time that each value by itself would.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

from darvaz.gateway.telemetry.columns import numbers_of

Value = bool | int | float | str
# Device, time in Unix milliseconds, values by name; of a board that numbers its messages, its boot and the number.
Report = tuple[str, int, Mapping[str, Value], str, int]
# As records of earlier versions have it.
UnnumberedReport = tuple[str, int, Mapping[str, Value]]
# Time in Unix milliseconds, the values by name, and the number of the message, -1 where it has none.
TimedValues = tuple[int, Mapping[str, Value], int]
# Device, its boot ("" if it tells none), and what it reported at once: numbers count within the boot.
Reports = tuple[str, str, list[TimedValues]]


class Series:
    """The waiting readings of one name of one device, in the order of their arrival."""

    __slots__ = ("number_times_ms", "numbers", "state_times_ms", "states")

    def __init__(self) -> None:
        self.number_times_ms: list[int] = []
        self.numbers: list[float] = []
        # Texts and truth values; repetitions of the last one are left out.
        self.state_times_ms: list[int] = []
        self.states: list[str | bool] = []

    def add(self, time_ms: int, value: Value) -> None:
        """Takes one reading. A truth value is a number too, so that older plots of it go on."""
        if not isinstance(value, str):
            self.number_times_ms.append(time_ms)
            self.numbers.append(float(value))
        if isinstance(value, str | bool) and not (self.states and self.states[-1] == value):
            self.state_times_ms.append(time_ms)
            self.states.append(value)

    def in_order(self) -> tuple[list[int], list[float]]:
        """Returns the times and values of the numbers in the order of time; of equal times, as they came."""
        times_ms, numbers = self.number_times_ms, self.numbers
        # To sort what is in order takes a third of the time of looking at each pair.
        if sorted(times_ms) == times_ms:
            return times_ms, numbers
        order = sorted(range(len(times_ms)), key=times_ms.__getitem__)
        return [times_ms[index] for index in order], [numbers[index] for index in order]


def series_of(reports: list[TimedValues]) -> dict[str, Series]:
    """Returns the readings of one device by name."""
    found: dict[str, Series] = {}
    # A board reports the same names again and again, mostly in each of its reports.
    if reports and not _add_columns(found, tuple(reports[0][1]), reports):
        for names, same in groupby(reports, _names_of):
            _add_columns(found, names, list(same))
    return found


def _add_columns(found: dict[str, Series], names: tuple[str, ...], reports: list[TimedValues]) -> bool:
    """Adds reports that have exactly these names; returns False, with nothing added, if one has another."""
    columns = numbers_of(names, reports)
    if columns is None:
        return False
    times_ms = [report[0] for report in reports]
    for name, column in zip(names, columns, strict=True):
        series = found.get(name)
        if series is None:
            series = found[name] = Series()
        if column is not None:
            series.number_times_ms += times_ms
            series.numbers += column
        else:
            for report in reports:
                series.add(report[0], report[1][name])
    return True


def _names_of(report: TimedValues) -> tuple[str, ...]:
    return tuple(report[1])


class Recent:
    """Waiting reports of all devices, and the number of the flush that will write them."""

    def __init__(self, number: int) -> None:
        self.number = number
        # By device, in the order of arrival.
        self.reports: dict[str, list[TimedValues]] = {}
        # Device and boot → the numbers of its messages among these.
        self.taken: dict[tuple[str, str], list[int]] = {}
        # Values in all, also those that repeat a state.
        self.count = 0
        # Devices whose earlier history is to be deleted.
        self.forgotten: set[str] = set()

    @property
    def has_news(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.reports or self.taken or self.forgotten)

    def add(self, device: str, boot: str, reports: list[TimedValues]) -> None:
        """Takes what one device reported at once."""
        if boot:
            numbers = [report[2] for report in reports if report[2] >= 0]
            if numbers:
                self.taken.setdefault((device, boot), []).extend(numbers)
        known = self.reports.get(device)
        if known is None:
            self.reports[device] = reports
        else:
            known += reports
        self.count += sum([len(report[1]) for report in reports])

    def forget(self, device: str) -> None:
        """Lets go of a device; what it reports from now on is new."""
        self.reports.pop(device, None)
        self.taken = {key: numbers for key, numbers in self.taken.items() if key[0] != device}
        self.forgotten.add(device)

    def joined(self, later: Recent) -> Recent:
        """Returns what came later behind what could not be written, which goes on waiting."""
        if not self.has_news:
            return later
        for device in later.forgotten:
            self.forget(device)
        for device, reports in later.reports.items():
            self.reports.setdefault(device, []).extend(reports)
        for key, numbers in later.taken.items():
            self.taken.setdefault(key, []).extend(numbers)
        self.count += later.count
        self.number = later.number
        return self
