"""Reports that were accepted and are not in the database yet, in memory, by device as they are taken."""

from __future__ import annotations

import threading
import zlib
from collections import deque
from collections.abc import Callable
from operator import itemgetter

import msgspec

from darvaz.gateway.storage.record_log import Record
from darvaz.gateway.storage.sequences import Sequences
from darvaz.gateway.telemetry.newest import Newest, add_report
from darvaz.gateway.telemetry.recent import Recent, Report, Reports, UnnumberedReport, series_of

# Reports in a record at most, but for those that came together; at their largest they stay below the largest record.
_REPORTS_PER_RECORD = 200
_REPORTS_PER_ITEM = 50
_COMPRESSION = 1

# The waiting readings of one series, and the number of the flush that will write them.
Waiting = tuple[int, list[int], list[float]]
# When a text or truth value became what it is, in Unix seconds, and what it became.
State = tuple[float, str | bool]
# By name: a number, and its Unix time.
LastReadings = dict[str, tuple[float, float]]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Report | str]).decode
_decode_unnumbered = msgspec.msgpack.Decoder(list[UnnumberedReport | str]).decode


class ReportQueue:
    """The event loop adds reports; the recorder's thread sorts what it has recorded, the writer's thread flushes that.

    An item is what a device reported at once, or the name of a device whose earlier readings are to be forgotten. Each
    report counts, and each name.
    """

    def __init__(self) -> None:
        # How many were added; the event loop's, at the start the recorder's.
        self.accepted = 0
        # Of what is sorted: how many, and their newest record. Under the lock.
        self._sorted = self._record = 0
        # The newest record that the database has. Set when it is opened.
        self.stored_record = 0
        # The numbers of the reports that were accepted; used by the event loop.
        self.taken = Sequences()
        # As the event loop appends them.
        self._pending: deque[Reports | str] = deque()
        # Guards what the two threads share: the sorted readings and their numbers.
        self._lock = threading.Lock()
        self._recent = Recent(1)
        # What the writer is writing; it stays here while the disk fails.
        self.flushing = Recent(0)

    def __len__(self) -> int:
        """Returns how many wait for the recorder."""
        return self.accepted - self._sorted

    @property
    def has_news(self) -> bool:
        """Whether anything is sorted that the writer has not begun to write."""
        return self._recent.has_news

    @property
    def values(self) -> int:
        """How many values are sorted and wait for the writer."""
        return self._recent.count

    def add(self, reports: Reports) -> None:
        """Takes what a device reported at once, behind the others, each number of a boot once. Never waits."""
        wanted = [index for index in range(len(reports.values)) if self._is_wanted(reports, index)]
        count = len(wanted)
        self.accepted += count
        if count == len(reports.values) <= _REPORTS_PER_ITEM:
            self._pending.append(reports)
            return
        for start in range(0, count, _REPORTS_PER_ITEM):
            self._pending.append(reports.only(wanted[start : start + _REPORTS_PER_ITEM]))

    def forget(self, device: str) -> None:
        """Forgets what came before of a device, and its numbers."""
        self.taken.forget(device)
        self.accepted += 1
        self._pending.append(device)

    def _is_wanted(self, reports: Reports, index: int) -> bool:
        """Returns whether a report is news; one without values is only a number."""
        number = reports.numbers[index] if reports.boot else -1
        if number >= 0:
            return self.taken.take(reports.device, reports.boot, number) is not None
        return bool(reports.values[index])

    def waiting(self, device: str, name: str) -> list[Waiting]:
        """Returns the numbers of a series that the database may not have yet, oldest flush first."""
        found: list[Waiting] = []
        for number, reports in self._waiting_of(device):
            series = series_of(reports.having(name)).get(name)
            if series is not None and series.numbers:
                found.append((number, *series.in_order()))
        return found

    def waiting_states(self, device: str, name: str) -> list[State]:
        """Returns the changes of a text or truth value that the database may not have yet, oldest first."""
        found: list[State] = []
        for _, reports in self._waiting_of(device):
            series = series_of(reports.having(name)).get(name)
            if series is not None:
                found += zip((time_ms / 1000 for time_ms in series.state_times_ms), series.states, strict=True)
        return sorted(found, key=itemgetter(0))

    def newest_waiting(self, device: str) -> LastReadings:
        """Returns the newest waiting number of each name and its Unix time, as `last_readings` does."""
        found: LastReadings = {}
        for _, reports in self._waiting_of(device):
            in_order = {name: series.in_order() for name, series in series_of(reports).items() if series.numbers}
            last = {name: (values[-1], times_ms[-1] / 1000) for name, (times_ms, values) in in_order.items()}
            found = newest_of(found, last)
        return found

    def _waiting_of(self, device: str) -> list[tuple[int, Reports]]:
        """Returns the number of each flush to come, and what it has of a device, oldest first."""
        with self._lock:
            flushing, recent = Reports(device), Reports(device)
            if device in self.flushing.reports:
                flushing.extend(self.flushing.reports[device])
            if device in self._recent.reports:
                recent.extend(self._recent.reports[device])
            for item in list(self._pending):
                if isinstance(item, Reports):
                    if item.device == device:
                        recent.extend(item)
                elif item == device:
                    recent = Reports(device)
            return [(self.flushing.number, flushing), (self._recent.number, recent)]

    # The recorder's thread

    def replay(self, record: Record, restored: dict[str, Newest]) -> None:
        """Takes a record of before the start, if the database does not have it, also for the newest values."""
        if record.number > self.stored_record:
            for item in _reports_in(zlib.decompress(record.data)):
                self.accepted += 1
                if isinstance(item, str):
                    self._sort([item])
                    restored.pop(item, None)
                else:
                    device, time_ms, values, boot, number = item
                    reports = Reports(device, boot)
                    reports.add(time_ms, values, number)
                    self._sort([reports])
                    add_report(restored, item)
            self._record = record.number

    def append_waiting(self, append: Callable[[bytes], int]) -> None:
        """Puts what is pending into the record log, and sorts it."""
        while self._pending:
            items = self._first_pending()
            record = append(zlib.compress(_encode(_in_record(items)), _COMPRESSION))
            with self._lock:
                self._record = record
                self._take(items)

    def _first_pending(self) -> list[Reports | str]:
        """Returns the items of the next record; they stay, so that a record that fails is tried again."""
        items: list[Reports | str] = []
        count = 0
        # Nobody else takes from the front, and the event loop must not wait for the disk behind a lock.
        for index in range(len(self._pending)):
            item = self._pending[index]
            count += 1 if isinstance(item, str) else len(item.values)
            if count > _REPORTS_PER_RECORD:
                break
            items.append(item)
        return items

    # The writer's thread

    def begin_at(self, stored_record: int, stored_flush: int) -> None:
        """Notes how far the database is, as it says when it is opened."""
        self.stored_record = stored_record
        self._recent.number = stored_flush + 1

    def begin_flush(self, is_last: bool) -> tuple[int, int]:
        """Moves all that is sorted to `flushing`, with `is_last` also what is pending.

        Returns how many items the database has after it, and the number of their newest record.
        """
        with self._lock:
            if is_last:
                self._take(list(self._pending))
            self.flushing = self.flushing.joined(self._recent)
            self._recent = Recent(self.flushing.number + 1)
            return self._sorted, self._record

    def end_flush(self) -> None:
        """Lets go of what is in the database now."""
        with self._lock:
            self.flushing = Recent(self.flushing.number)

    # Under the lock

    def _take(self, items: list[Reports | str]) -> None:
        """Moves the first items from what is pending to what is sorted."""
        for _ in items:
            self._pending.popleft()
        self._sort(items)

    def _sort(self, items: list[Reports | str]) -> None:
        for item in items:
            if isinstance(item, str):
                self._recent.forget(item)
                self._sorted += 1
            else:
                self._recent.add(item)
                self._sorted += len(item.values)


def _in_record(items: list[Reports | str]) -> list[Report | str]:
    """Returns what a record holds."""
    made: list[Report | str] = []
    for item in items:
        if isinstance(item, str):
            made.append(item)
            continue
        for index, time_ms in enumerate(item.times_ms):
            number = item.numbers[index] if item.boot else -1
            boot = item.boot if number >= 0 else ""
            made.append((item.device, time_ms, item.values[index], boot, max(number, 0)))
    return made


def _reports_in(data: bytes) -> list[Report | str]:
    """Returns what a record holds, also one of a version that knew no numbers."""
    try:
        return _decode(data)
    except msgspec.ValidationError:
        items = _decode_unnumbered(data)
        return [item if isinstance(item, str) else (*item, "", 0) for item in items]


def newest_of(earlier: LastReadings, later: LastReadings) -> LastReadings:
    """Returns the newest of what was written or waited before and of what came later; of one moment, that."""
    late = {name for name, (_, time_s) in later.items() if name in earlier and time_s < earlier[name][1]}
    return earlier | {name: reading for name, reading in later.items() if name not in late}
