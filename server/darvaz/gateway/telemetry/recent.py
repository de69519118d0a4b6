"""Readings that are not in the database yet, sorted by series; plots add them to what the database has."""

from __future__ import annotations

from collections.abc import Mapping

Value = bool | int | float | str
# Device, time in Unix milliseconds, values by name; of a board that numbers its messages, its boot and the number.
Report = tuple[str, int, Mapping[str, Value], str, int]
# As records of earlier versions have it.
UnnumberedReport = tuple[str, int, Mapping[str, Value]]


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

    def copy(self) -> Series:
        """Returns the same readings, to be kept while more come."""
        copied = Series()
        copied.number_times_ms, copied.numbers = self.number_times_ms.copy(), self.numbers.copy()
        copied.state_times_ms, copied.states = self.state_times_ms.copy(), self.states.copy()
        return copied

    def in_order(self) -> tuple[list[int], list[float]]:
        """Returns the times and values of the numbers in the order of time; of equal times, as they came."""
        times_ms, numbers = self.number_times_ms, self.numbers
        if all(map(int.__le__, times_ms, times_ms[1:])):
            return times_ms, numbers
        order = sorted(range(len(times_ms)), key=times_ms.__getitem__)
        return [times_ms[index] for index in order], [numbers[index] for index in order]


class Recent:
    """Waiting readings of all series, and the number of the flush that will write them."""

    def __init__(self, number: int) -> None:
        self.number = number
        # By device and name.
        self.series: dict[str, dict[str, Series]] = {}
        # Device and boot → the numbers of its messages among these.
        self.taken: dict[tuple[str, str], list[int]] = {}
        # Values in all, also those that repeat a state.
        self.count = 0
        # Devices whose earlier history is to be deleted.
        self.forgotten: set[str] = set()

    @property
    def has_news(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.series or self.taken or self.forgotten)

    def add(self, report: Report) -> None:
        """Takes what one device reported at one time."""
        device, time_ms, values, boot, number = report
        if boot:
            self.taken.setdefault((device, boot), []).append(number)
        series = self.series.get(device)
        if series is None:
            series = self.series[device] = {}
        for name, value in values.items():
            found = series.get(name)
            if found is None:
                found = series[name] = Series()
            found.add(time_ms, value)
        self.count += len(values)

    def forget(self, device: str) -> None:
        """Lets go of a device; what it reports from now on is new."""
        self.series.pop(device, None)
        self.taken = {key: numbers for key, numbers in self.taken.items() if key[0] != device}
        self.forgotten.add(device)

    def joined(self, later: Recent) -> Recent:
        """Returns what came later behind what could not be written, which goes on waiting."""
        if not self.has_news:
            return later
        for device in later.forgotten:
            self.forget(device)
        for device, names in later.series.items():
            mine = self.series.setdefault(device, {})
            for name, found in names.items():
                known = mine.setdefault(name, found)
                if known is not found:
                    known.number_times_ms += found.number_times_ms
                    known.numbers += found.numbers
                    known.state_times_ms += found.state_times_ms
                    known.states += found.states
        for key, numbers in later.taken.items():
            self.taken.setdefault(key, []).extend(numbers)
        self.count += later.count
        self.number = later.number
        return self
