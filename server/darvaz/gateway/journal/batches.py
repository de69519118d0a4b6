"""The journal in the database: many rows in one JSON text, because SQLite's cost is per row.

A batch is a list of groups; a group is what one link received and sent at once. The id of a batch is that of its
first row; the rows in it count on from there. The view `journal` shows them one by one to other programs.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

# One encoding holds the interpreter's lock, and with it the event loop, for about a tenth of a millisecond.
ROWS_PER_BATCH = 1000
DELETE_CHUNK_BATCHES = 100
DELETE_CHUNK_ROWS = 50_000
_SHRINK_TO = 0.95

# Direction, type, payload: one row, without what its group has.
EntryBody = tuple[str, str, str]
# time_ms (Unix), device, kind, address, and the rows.
EntryGroup = tuple[int, str | None, str | None, str, list[EntryBody]]
# The same for functions that mypyc compiles: it would unbox and rebuild a typed tuple at every use.
AnyGroup = tuple[Any, ...]
# time_ms, device, kind, address, direction, type, payload: one whole row.
EntryFields = tuple[int, str | None, str | None, str, str, str, str]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[EntryGroup]).decode
_INSERT = "INSERT INTO journal_batches (id, size, first_ms, last_ms, devices, moments) VALUES (?, ?, ?, ?, ?, ?)"
# Every token starts like this. Searching for one rare byte costs a fiftieth of searching for the word.
_TOKEN_BYTE, _TOKEN_START = b"z", b"dvz_"


def next_id(connection: sqlite3.Connection) -> int:
    """Returns the id of the next row."""
    found = connection.execute("SELECT id + size FROM journal_batches ORDER BY id DESC LIMIT 1").fetchone()
    return int(found[0]) if found else 1


def insert_batch(connection: sqlite3.Connection, groups: list[EntryGroup], redact: Callable[[str], str]) -> int:
    """Writes groups as one batch, tokens redacted, and returns the number of rows."""
    text = _dump(groups)
    if _TOKEN_BYTE in text and _TOKEN_START in text:
        text = _dump(changed(groups, redact))
    # In order of time, unless the clock was set back.
    first_ms, last_ms = sorted((groups[0][0], groups[-1][0]))
    rows, devices = _rows_and_devices(groups)
    values = (next_id(connection), rows, first_ms, last_ms, _encode(devices).decode(), text.decode())
    connection.execute(_INSERT, values)
    return rows


def parse_rows(text: str) -> Iterator[EntryFields]:
    """Yields the rows of a batch."""
    for time_ms, device, kind, address, entries in _decode(text):
        for direction, type_, payload in entries:
            yield time_ms, device, kind, address, direction, type_, payload


def changed(groups: list[EntryGroup], change: Callable[[str], str]) -> list[EntryGroup]:
    """Returns the same groups with changed payloads."""
    return [(*group[:4], [(way, type_, change(payload)) for way, type_, payload in group[4]]) for group in groups]


def delete_before(connection: sqlite3.Connection, time_ms: int) -> int:
    """Deletes some of the batches that are entirely older, and returns how many; the newest batch always stays."""
    # Without it, ids would start at 1 again, and a reader that waits for higher ones would find none.
    statement = (
        "DELETE FROM journal_batches WHERE id IN (SELECT id FROM journal_batches WHERE last_ms < ?"
        " AND id < (SELECT max(id) FROM journal_batches) ORDER BY id LIMIT ?)"
    )
    return connection.execute(statement, (time_ms, DELETE_CHUNK_BATCHES)).rowcount


def delete_first(connection: sqlite3.Connection, rows_max: int) -> int:
    """Deletes some of the oldest batches, at most about this many rows, and returns how many rows they had."""
    first, last = _ends(connection)
    until = min(first + min(rows_max, DELETE_CHUNK_ROWS), last)
    connection.execute("DELETE FROM journal_batches WHERE id < ?", (until,))
    return _ends(connection)[0] - first


def rows_beyond(connection: sqlite3.Connection, bytes_max: int) -> int:
    """Returns about how many rows to delete for the file to be below its maximum; 0 if it is."""

    def pragma(name: str) -> int:
        return int(connection.execute(f"PRAGMA {name}").fetchone()[0])

    used_bytes = (pragma("page_count") - pragma("freelist_count")) * pragma("page_size")
    if used_bytes <= bytes_max:
        return 0
    first, last = _ends(connection)
    return 1 + int((last - first) * (1 - _SHRINK_TO * bytes_max / used_bytes))


def _ends(connection: sqlite3.Connection) -> tuple[int, int]:
    """Returns the ids of the oldest batch and of the newest."""
    # In one SELECT, min and max would make SQLite read every batch.
    ends = "SELECT (SELECT min(id) FROM journal_batches), (SELECT max(id) FROM journal_batches)"
    first, last = connection.execute(ends).fetchone()
    return first or 0, last or 0


def _rows_and_devices(groups: list[AnyGroup]) -> tuple[int, list[str | None]]:
    """Returns how many rows some groups have, and of which devices."""
    rows = 0
    devices: set[str | None] = set()
    for group in groups:
        entries: list[AnyGroup] = group[4]
        rows += len(entries)
        devices.add(group[1])
    return rows, list(devices)


def _dump(groups: list[EntryGroup]) -> bytes:
    """Returns groups as JSON; a lone surrogate, which UTF-8 cannot encode, becomes a question mark."""
    try:
        return _encode(groups)
    except UnicodeEncodeError:
        return _encode(changed(groups, lambda payload: payload.encode(errors="replace").decode()))
