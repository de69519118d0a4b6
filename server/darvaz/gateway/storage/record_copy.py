"""Copies of the record log: taken while a gateway appends to it, kept as one file, and written into another folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from darvaz.gateway.storage.record_log import HEADER_BYTES, Record, RecordLog, has_records, pack, unpack


class RecordCopyError(ValueError):
    """The bytes are not a copy of a record log."""


def copy_records(folder: Path, file: BinaryIO) -> None:
    """Writes the records of a folder into an empty file, without a gap; raises OSError.

    Records before a gap are left out: a file of the record log is written again only once the databases have all that
    is older than its newest record. So the databases are copied after this.
    """
    if not has_records(folder):
        return
    log, expected = RecordLog(folder), 0
    try:
        for record in log.open():
            if expected and record.number != expected:
                file.seek(0)
                file.truncate()
            file.write(pack(record))
            expected = record.number + 1
    finally:
        log.close()


def read_copy(file: BinaryIO) -> Iterator[Record]:
    """Yields the records of a copy; raises RecordCopyError."""
    while header := file.read(HEADER_BYTES):
        record = unpack(header, file.read)
        if record is None:
            raise RecordCopyError("a record is damaged")
        yield record


def write_records(records: Iterator[Record], folder: Path) -> None:
    """Writes records into a folder that has none, with the numbers that they have, and syncs them; raises OSError."""
    log = RecordLog(folder)
    try:
        for record in records:
            log.next_number = record.number
            log.append(record.kind, record.data)
        log.sync()
    finally:
        log.close()
