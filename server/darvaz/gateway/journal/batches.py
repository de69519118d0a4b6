"""How the journal lies in the database: many rows in one JSON text, since SQLite's price is by the row.

A batch is a list of moments, a moment what one link heard and said at once. The id of a batch is that of
its first row; the rows in it count on from there. The view `journal` shows them one by one to every
other program.
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

# direction, type, payload
EntryBody = tuple[str, str, str]
# time_ms, device, kind, address, and what was said
EntryGroup = tuple[int, str | None, str | None, str, list[EntryBody]]
# The same to a compiled function that would take each of the former apart to look into it.
AnyGroup = tuple[Any, ...]
# time_ms, device, kind, address, direction, type, payload
EntryFields = tuple[int, str | None, str | None, str, str, str, str]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[EntryGroup]).decode
_INSERT = "INSERT INTO journal_batches (id, size, first_ms, last_ms, devices, moments) VALUES (?, ?, ?, ?, ?, ?)"
# Every token starts like this. A search for one rare letter costs a fiftieth of a search for the word.
_SECRET_LETTER, _SECRET_SIGN = b"z", b"dvz_"


def next_id(connection: sqlite3.Connection) -> int:
    """Returns the id of the next row."""
    found = connection.execute("SELECT id + size FROM journal_batches ORDER BY id DESC LIMIT 1").fetchone()
    return int(found[0]) if found else 1


def insert_batch(connection: sqlite3.Connection, moments: list[EntryGroup], redact: Callable[[str], str]) -> int:
    """Writes moments as one batch, tokens redacted, and returns how many rows they were."""
    text = _dump(moments)
    if _SECRET_LETTER in text and _SECRET_SIGN in text:
        text = _dump(changed(moments, redact))
    # In order of time, but for a clock that was set back meanwhile.
    first_ms, last_ms = sorted((moments[0][0], moments[-1][0]))
    rows, devices = _sum_up(moments)
    values = (next_id(connection), rows, first_ms, last_ms, _encode(devices).decode(), text.decode())
    connection.execute(_INSERT, values)
    return rows


def parse_rows(text: str) -> Iterator[EntryFields]:
    """Yields the rows of a batch."""
    for time_ms, device, kind, address, said in _decode(text):
        for direction, type_, payload in said:
            yield time_ms, device, kind, address, direction, type_, payload


def changed(moments: list[EntryGroup], change: Callable[[str], str]) -> list[EntryGroup]:
    """Returns the same moments with changed payloads."""
    return [(*moment[:4], [(way, type_, change(payload)) for way, type_, payload in moment[4]]) for moment in moments]


def delete_before(connection: sqlite3.Connection, time_ms: int) -> int:
    """Removes some of the batches that are wholly older, and returns how many; the newest batch always stays."""
    # Without a newest batch the ids would begin anew, and whoever follows them would wait for ever.
    statement = (
        "DELETE FROM journal_batches WHERE id IN (SELECT id FROM journal_batches WHERE last_ms < ?"
        " AND id < (SELECT max(id) FROM journal_batches) ORDER BY id LIMIT ?)"
    )
    return connection.execute(statement, (time_ms, DELETE_CHUNK_BATCHES)).rowcount


def delete_first(connection: sqlite3.Connection, rows_max: int) -> int:
    """Removes some of the oldest batches, of about so many rows at most, and returns how many rows they had."""
    first, last = _ends(connection)
    until = min(first + min(rows_max, DELETE_CHUNK_ROWS), last)
    connection.execute("DELETE FROM journal_batches WHERE id < ?", (until,))
    return _ends(connection)[0] - first


def rows_beyond(connection: sqlite3.Connection, bytes_max: int) -> int:
    """Returns about how many rows must go for the file to be a little smaller than its maximum; 0 if it is."""

    def pragma(name: str) -> int:
        return int(connection.execute(f"PRAGMA {name}").fetchone()[0])

    used_bytes = (pragma("page_count") - pragma("freelist_count")) * pragma("page_size")
    if used_bytes <= bytes_max:
        return 0
    first, last = _ends(connection)
    return 1 + int((last - first) * (1 - _SHRINK_TO * bytes_max / used_bytes))


def _ends(connection: sqlite3.Connection) -> tuple[int, int]:
    """Returns the ids of the oldest batch and of the newest."""
    # Asked for together, SQLite would look at every batch for them.
    ends = "SELECT (SELECT min(id) FROM journal_batches), (SELECT max(id) FROM journal_batches)"
    first, last = connection.execute(ends).fetchone()
    return first or 0, last or 0


def _sum_up(moments: list[AnyGroup]) -> tuple[int, list[str | None]]:
    """Returns how many rows there are in some moments, and of which devices."""
    rows = 0
    devices: set[str | None] = set()
    for moment in moments:
        said: list[AnyGroup] = moment[4]
        rows += len(said)
        devices.add(moment[1])
    return rows, list(devices)


def _dump(moments: list[EntryGroup]) -> bytes:
    """Returns moments as JSON; half a character, which no encoding has, becomes a question position."""
    try:
        return _encode(moments)
    except UnicodeEncodeError:
        return _encode(changed(moments, lambda payload: payload.encode(errors="replace").decode()))
