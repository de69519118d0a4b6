"""Stores in memory, by lists and dictionaries: they show that what writes knows nothing of SQLite."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from darvaz.gateway.journal.batches import EntryGroup, unpack
from darvaz.gateway.journal.retention import JournalRetention
from darvaz.gateway.journal.starts import CUT_OFF_IDS, LAST_TYPE
from darvaz.gateway.storage.database import StorageError
from darvaz.gateway.storage.sequences import Sequences
from darvaz.gateway.storage.taken import Taken
from darvaz.gateway.telemetry.history_tables import SERIES_PER_DEVICE_MAX, Retention
from darvaz.gateway.telemetry.newest import Newest
from darvaz.gateway.telemetry.recent import Recent, series_of

_DAY_MS = 86_400_000


class Disk:
    """What both stores are on: it keeps what is written, and may fail."""

    def __init__(self) -> None:
        self.is_full = False
        # The number of its first entry, and the groups, of each batch.
        self.batches: list[tuple[int, list[EntryGroup]]] = []
        self.sequences = Sequences()
        self.readings: dict[tuple[str, str], list[tuple[int, float]]] = {}
        self.newest: dict[str, Newest] = {}
        self.position = (0, 0)

    def check(self) -> None:
        if self.is_full:
            raise StorageError("the disk is full")


class PlainJournalStore:
    """Implements `JournalStore`."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    def next_id(self) -> int:
        batches = self._disk.batches
        return batches[-1][0] + _size(batches[-1][1]) if batches else 1

    def begin(self) -> tuple[int, bool, int]:
        if not self._disk.batches:
            return 1, False, 0
        time_ms, *_, entries = self._disk.batches[-1][1][-1]
        is_cut_off = entries[-1][1] != LAST_TYPE
        return self.next_id() + (CUT_OFF_IDS if is_cut_off else 0), is_cut_off, time_ms

    def taken(self) -> Sequences:
        return _copied(self._disk.sequences)

    def write(self, first_id: int, batches: Sequence[Sequence[EntryGroup]], taken: Sequence[Taken]) -> int:
        self._disk.check()
        rows = 0
        for groups in batches:
            self._disk.batches.append((first_id + rows, list(groups)))
            rows += _size(groups)
        _take(self._disk.sequences, taken)
        return rows

    def write_record(self, record: bytes) -> None:
        first_id, groups, taken = unpack(record)
        newest_id = self.next_id()
        while groups and first_id + len(groups[0][4]) <= newest_id:
            first_id += len(groups.pop(0)[4])
        if groups:
            self.write(max(first_id, newest_id), [groups], taken)

    def sync(self) -> None:
        self._disk.check()

    def tidy(self, retention: JournalRetention) -> None:
        newest_ms = self._disk.batches[-1][1][-1][0] if self._disk.batches else 0
        until_ms = newest_ms - retention.days * _DAY_MS
        *older, newest = self._disk.batches
        self._disk.batches = [*(batch for batch in older if batch[1][-1][0] >= until_ms), newest]

    def leave(self) -> None:
        pass

    def close(self) -> None:
        pass


class PlainHistoryStore:
    """Implements `HistoryStore`."""

    series_max = 1_000

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    def position(self) -> tuple[int, int]:
        return self._disk.position

    def newest(self) -> dict[str, Newest]:
        return dict(self._disk.newest)

    def taken(self) -> Sequences:
        return _copied(self._disk.sequences)

    def write(self, recent: Recent, newest: Callable[[str], Newest], record: int) -> int:
        self._disk.check()
        for device in recent.forgotten:
            self._forget(device)
        refused = 0
        for device, reports in recent.reports.items():
            for name, series in series_of(reports).items():
                known = sum(key[0] == device for key in self._disk.readings)
                if (device, name) not in self._disk.readings and known >= SERIES_PER_DEVICE_MAX:
                    refused += len(series.numbers)
                    continue
                times_ms, values = series.in_order()
                self._disk.readings.setdefault((device, name), []).extend(zip(times_ms, values, strict=True))
            self._disk.newest[device] = newest(device)
        _take(self._disk.sequences, [(*key, numbers) for key, numbers in recent.taken.items()])
        self._disk.position = record, recent.number
        return refused

    def _forget(self, device: str) -> None:
        self._disk.readings = {key: found for key, found in self._disk.readings.items() if key[0] != device}
        self._disk.newest.pop(device, None)
        self._disk.sequences.forget(device)

    def retain(self, kept: Retention, unix_s: float, *, by_age: bool) -> bool:
        self._disk.check()
        until_ms = unix_s * 1000 - kept.raw_days * _DAY_MS
        if by_age:
            for key, readings in self._disk.readings.items():
                self._disk.readings[key] = [each for each in readings if each[0] >= until_ms]
        return False

    def oldest_ms(self) -> int | None:
        return min((time_ms for found in self._disk.readings.values() for time_ms, _ in found), default=None)

    def close(self) -> None:
        pass


def _size(groups: Sequence[EntryGroup]) -> int:
    return sum(len(group[4]) for group in groups)


def _take(sequences: Sequences, taken: Sequence[Taken]) -> None:
    for device, boot, numbers in taken:
        for number in numbers:
            sequences.take(device, boot, number)


def _copied(sequences: Sequences) -> Sequences:
    copied = Sequences()
    for device in sequences.devices():
        copied.load(device, sequences.dump(device))
    return copied
