"""Readings that are not in the database yet; plots add them to what the database has.

Reports are kept as they come, by device. They are sorted by name only when somebody reads them: columns of many reports
take a fifth of the time that each value by itself would.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from darvaz.gateway.telemetry.columns import numbers_of

Value = bool | int | float | str
# Device, time in Unix milliseconds, values by name; of a board that numbers its messages, its boot and the number.
Report = tuple[str, int, Mapping[str, Value], str, int]
# As records of earlier versions have it.
UnnumberedReport = tuple[str, int, Mapping[str, Value]]


class Reports:
    """Reports of one device, in the order of arrival, as columns: a tuple for each would cost the garbage collector."""

    __slots__ = ("boot", "device", "numbers", "times_ms", "values")

    def __init__(self, device: str, boot: str = "") -> None:
        self.device = device
        # The start of the board that the numbers of its messages count from, "" if it tells none.
        self.boot = boot
        # Unix milliseconds and values by name of each report; of each its number, -1 without one, if there is a boot.
        self.times_ms: list[int] = []
        self.values: list[Mapping[str, Value]] = []
        self.numbers: list[int] = []

    def add(self, time_ms: int, values: Mapping[str, Value], number: int = -1) -> None:
        """Adds one report."""
        self.times_ms.append(time_ms)
        self.values.append(values)
        if self.boot:
            self.numbers.append(number)

    def extend(self, later: Reports) -> None:
        """Adds what came later, without its numbers."""
        self.times_ms += later.times_ms
        self.values += later.values

    def only(self, indexes: Sequence[int]) -> Reports:
        """Returns some of these reports."""
        some = Reports(self.device, self.boot)
        some.times_ms = [self.times_ms[index] for index in indexes]
        some.values = [self.values[index] for index in indexes]
        if self.boot:
            some.numbers = [self.numbers[index] for index in indexes]
        return some

    def having(self, name: str) -> Reports:
        """Returns those that have a value of this name."""
        return self.only([index for index, values in enumerate(self.values) if name in values])


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


def series_of(reports: Reports) -> dict[str, Series]:
    """Returns the readings of one device by name."""
    found: dict[str, Series] = {}
    # A board reports the same names again and again, mostly in each of its reports.
    if reports.values and not _add_columns(found, tuple(reports.values[0]), reports):
        for names, same in groupby(range(len(reports.values)), lambda index: tuple(reports.values[index])):
            _add_columns(found, names, reports.only(list(same)))
    return found


def _add_columns(found: dict[str, Series], names: tuple[str, ...], reports: Reports) -> bool:
    """Adds reports that have exactly these names; returns False, with nothing added, if one has another."""
    columns = numbers_of(names, reports.values)
    if columns is None:
        return False
    for name, column in zip(names, columns, strict=True):
        series = found.get(name)
        if series is None:
            series = found[name] = Series()
        if column is not None:
            series.number_times_ms += reports.times_ms
            series.numbers += column
        else:
            for time_ms, values in zip(reports.times_ms, reports.values, strict=True):
                series.add(time_ms, values[name])
    return True


class Recent:
    """Waiting reports of all devices, and the number of the flush that will write them."""

    def __init__(self, number: int) -> None:
        self.number = number
        # By device, without their numbers.
        self.reports: dict[str, Reports] = {}
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

    def add(self, reports: Reports) -> None:
        """Takes reports of one device."""
        numbers = [number for number in reports.numbers if number >= 0]
        if numbers:
            self.taken.setdefault((reports.device, reports.boot), []).extend(numbers)
        known = self.reports.get(reports.device)
        if known is None:
            known = self.reports[reports.device] = Reports(reports.device)
        known.extend(reports)
        for values in reports.values:
            self.count += len(values)

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
            if device in self.reports:
                self.reports[device].extend(reports)
            else:
                self.reports[device] = reports
        for key, numbers in later.taken.items():
            self.taken.setdefault(key, []).extend(numbers)
        self.count += later.count
        self.number = later.number
        return self
