"""The record log: what must survive a power cut at once, before it is sorted into the databases in large batches.

A database in WAL mode writes several pages for each commit, and each of them again at a checkpoint: 17 to 25 KB
for 150 bytes of news. The record log is a ring of files of a fixed size, filled with zeros when they are made, so
that `fdatasync` of an append writes one page and no metadata (measured on ext4: 4.3 KB). A record is released by
its reader once it is in a database; a file whose records are all released is written again from its start.

A file is a sequence of records: CRC-32, length, number, kind, data. Numbers count up by one over all files and
over restarts, so what an earlier round left behind in a file is told apart from what belongs to this one. The log
ends at the first record that is torn, or whose number is not the next one. After an opening a fresh file is begun:
records behind a torn one, which were never synced, stay unread for good. A file that is written
again is wiped first, so that its old records are not taken for the neighbours of a hole.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from darvaz.gateway.storage.folder_sync import sync_folder

FILE_BYTES = 512 * 1024
FILES_MAX = 512
RECORD_BYTES_MAX = FILE_BYTES - 17

# CRC-32 of all that follows, then length of the data, number, kind.
_HEADER = struct.Struct("<IIQB")
HEADER_BYTES = _HEADER.size
_AFTER_CRC = struct.Struct("<IQB")
_CRC = struct.Struct("<I")
_ZEROS = bytes(256 * 1024)
_NAME = "records-{}.log"
# Windows and macOS have no `fdatasync`; only Windows has text files.
_sync_data = getattr(os, "fdatasync", os.fsync)
_OPEN_FLAGS = os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


class RecordLogFullError(OSError):
    """No file may be written again yet, and there may be no more files; nothing was appended."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it was appended."""

    number: int
    kind: int
    data: bytes


@dataclass(slots=True)
class _File:
    """One file of the ring; `first` and `last` are the numbers of its records, `last < first` where it has none."""

    path: Path
    descriptor: int
    first: int
    last: int
    # Where the next record goes, in bytes from the start.
    end: int


class RecordLog:
    """Appends records and makes them durable. Used by one thread at a time; it does no locking of its own."""

    def __init__(self, folder: Path, *, file_bytes: int = FILE_BYTES, files_max: int = FILES_MAX) -> None:
        self._folder = folder
        self._file_bytes = file_bytes
        self._files_max = files_max
        # Oldest records first; the last one is being written.
        self._files: list[_File] = []
        # By kind: the number up to which its reader needs no record any more.
        self._released: dict[int, int] = {}
        # By kind: the number of its newest record, 0 where there is none.
        self._newest: dict[int, int] = {}
        self._is_dirty = False
        # Whether the newest file takes no more records.
        self._is_sealed = False
        self.record_bytes_max = min(RECORD_BYTES_MAX, file_bytes - HEADER_BYTES)
        self.missing = 0
        """How many records `open` should have found and did not: the disk damaged them."""
        self.next_number = 1
        """The number of the next record."""
        self.synced_number = 0
        """Records up to this number survive a power cut."""

    def open(self) -> Iterator[Record]:
        """Opens the folder, making it if need be, and yields the records that are there, oldest first.

        Read to the end before the first `append`. Raises OSError where the disk fails.
        """
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._files = [self._open_file(path) for path in self._folder.glob(_NAME.format("*"))]
        # A file without records is the next to be written.
        self._files.sort(key=lambda file: (file.first == 0, file.first))
        for file in self._files:
            if file.first > self.next_number > 1:
                self.missing += file.first - self.next_number
            yield from self._read(file)
        self.synced_number = self.next_number - 1
        self._is_sealed = True

    def begin_again(self, number: int) -> None:
        """Removes all files, and numbers what comes from here on; raises OSError.

        Call it after `open`, once the databases have all that was read.
        """
        paths = [file.path for file in self._files]
        self.close()
        for path in paths:
            path.unlink()
        sync_folder(self._folder)
        self.next_number, self.synced_number = number, number - 1
        self._newest.clear()

    def prepare(self) -> None:
        """Makes the first file, so that a disk that fills up later has space for what comes; raises OSError."""
        if not self._files:
            self._files.append(self._make_file())
            self._is_sealed = False

    def append(self, kind: int, data: bytes) -> int:
        """Appends a record and returns its number; `sync` makes it durable.

        Raises ValueError beyond RECORD_BYTES_MAX, RecordLogFullError where the ring is full, OSError where the
        disk fails; then nothing was appended.
        """
        size = HEADER_BYTES + len(data)
        if len(data) > self.record_bytes_max:
            raise ValueError(f"a record of {len(data)} bytes; at most {self.record_bytes_max}")
        if self._is_sealed or not self._files or self._files[-1].end + size > self._file_bytes:
            self._begin_file()
        file, number = self._files[-1], self.next_number
        packed = pack(Record(number, kind, data))
        _write_all(file.descriptor, packed, file.end)
        file.first = file.first or number
        file.last, file.end = number, file.end + len(packed)
        self._newest[kind] = number
        self._is_dirty = True
        self.next_number = number + 1
        return number

    def sync(self) -> int:
        """Makes all that was appended durable and returns the number of the newest record; raises OSError."""
        if self._is_dirty:
            _sync_data(self._files[-1].descriptor)
            self._is_dirty = False
        self.synced_number = self.next_number - 1
        return self.synced_number

    def release(self, kind: int, number: int) -> None:
        """Notes that records of a kind up to a number are durable elsewhere."""
        self._released[kind] = max(number, self._released.get(kind, 0))

    def unreleased_bytes(self) -> int:
        """Returns how much of the ring holds records that somebody still needs."""
        oldest = self._oldest_needed()
        return sum(file.end for file in self._files if file.last >= oldest)

    def close(self) -> None:
        """Closes the files; what was appended and not synced may be lost."""
        for file in self._files:
            os.close(file.descriptor)
        self._files.clear()

    # Files

    def _oldest_needed(self) -> int:
        """Returns the number before which every record is released."""
        needed = [self._released.get(kind, 0) + 1 for kind, newest in self._newest.items()
                  if self._released.get(kind, 0) < newest]  # fmt: skip
        return min(needed, default=self.next_number)

    def _begin_file(self) -> None:
        """Makes a file the one that is written: one that nobody needs, or a new one."""
        # What is behind is synced first, so that no record is durable before an older one.
        self.sync()
        needed = self._oldest_needed()
        free = next((file for file in self._files[:-1] if file.last < needed), None)
        if free is not None:
            _write_all(free.descriptor, bytes(HEADER_BYTES), 0)
            _sync_data(free.descriptor)
            self._files.remove(free)
            free.first = free.last = free.end = 0
        elif len(self._files) >= self._files_max:
            raise RecordLogFullError(f"{self._folder}: {self._files_max} files hold records that are not stored yet")
        else:
            free = self._make_file()
        self._files.append(free)
        self._is_sealed = False

    def _make_file(self) -> _File:
        """Makes a file of zeros: written blocks, so that an append changes no metadata."""
        numbers = {int(file.path.stem.rpartition("-")[2]) for file in self._files}
        number = next(number for number in range(self._files_max) if number not in numbers)
        path = self._folder / _NAME.format(number)
        descriptor = os.open(path, _OPEN_FLAGS | os.O_CREAT, 0o600)
        try:
            for start in range(0, self._file_bytes, len(_ZEROS)):
                _write_all(descriptor, _ZEROS[: self._file_bytes - start], start)
            os.fsync(descriptor)
            sync_folder(self._folder)
        except OSError:
            os.close(descriptor)
            path.unlink(missing_ok=True)
            raise
        return _File(path, descriptor, 0, 0, 0)

    # Reading

    def _open_file(self, path: Path) -> _File:
        descriptor = os.open(path, _OPEN_FLAGS)
        record, end = _record_at(descriptor, 0)
        first = 0 if record is None else record.number
        return _File(path, descriptor, first, first, end if record else 0)

    def _read(self, file: _File) -> Iterator[Record]:
        file.end, expected = 0, file.first
        file.last = 0
        while expected:
            record, end = _record_at(file.descriptor, file.end)
            if record is None or record.number != expected:
                break
            file.last, file.end, expected = record.number, end, expected + 1
            self._newest[record.kind] = record.number
            self.next_number = expected
            yield record


def pack(record: Record) -> bytes:
    """Returns a record as it lies in a file."""
    body = _AFTER_CRC.pack(len(record.data), record.number, record.kind) + record.data
    return _CRC.pack(zlib.crc32(body)) + body


def unpack(header: bytes, read: Callable[[int], bytes]) -> Record | None:
    """Returns the record with this header, its data from `read`; None if that is not a whole record."""
    if len(header) < HEADER_BYTES:
        return None
    crc, length, number, kind = _HEADER.unpack(header)
    if not number or length > RECORD_BYTES_MAX:
        return None
    data = read(length)
    if len(data) < length or zlib.crc32(data, zlib.crc32(header[_CRC.size :])) != crc:
        return None
    return Record(number, kind, data)


def has_records(folder: Path) -> bool:
    """Whether a folder has files of a record log."""
    return any(folder.glob(_NAME.format("*")))


def read_records(folder: Path) -> list[Record]:
    """Returns the records of a folder, oldest first, also while a gateway appends to it; nothing is made or changed."""
    if not has_records(folder):
        return []
    log = RecordLog(folder)
    try:
        return list(log.open())
    finally:
        log.close()


def _record_at(descriptor: int, start: int) -> tuple[Record | None, int]:
    """Returns the record that begins at a byte and where it ends; None where there is no whole one."""
    header = _read_at(descriptor, HEADER_BYTES, start)
    record = unpack(header, lambda length: _read_at(descriptor, length, start + HEADER_BYTES))
    return record, start if record is None else start + HEADER_BYTES + len(record.data)


def _read_at(descriptor: int, size: int, at: int) -> bytes:
    os.lseek(descriptor, at, os.SEEK_SET)
    return os.read(descriptor, size)


def _write_all(descriptor: int, data: bytes, at: int) -> None:
    """Writes all of it; raises OSError. A write may be cut short, for instance where the disk is nearly full."""
    view = memoryview(data)
    while view:
        written = _write_at(descriptor, view, at)
        view, at = view[written:], at + written


def _seek_and_write(descriptor: int, data: memoryview, at: int) -> int:
    os.lseek(descriptor, at, os.SEEK_SET)
    return os.write(descriptor, data)


# Windows has no `pwrite`. Each call of the system gives the interpreter away.
_write_at = getattr(os, "pwrite", _seek_and_write)
