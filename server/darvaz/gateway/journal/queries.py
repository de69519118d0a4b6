"""Queries of the journal by device, kind, type, direction and time, and a row as one line of text."""

from __future__ import annotations

import datetime
import re
import sqlite3
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

import msgspec

from darvaz.gateway.journal.batch_search import needles_of, search, search_rare
from darvaz.gateway.journal.batches import ANY_DEVICE, EntryGroup, fields_of, next_id
from darvaz.gateway.journal.rare_entries import mark, rare_entries_max
from darvaz.text.terminal import visible

ROWS_MAX = 10_000
# Entries that are read at a time for an export.
STRETCH_ENTRIES = 4_000
_PAYLOAD_SHOWN_CHARS = 200
# What a line tells as late: below it, a board and a network were only slow.
_LATE_MS = 1_000
_AGES = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_AGE = re.compile(r"(\d+(?:\.\d+)?)([smhd])")


class Row(msgspec.Struct, frozen=True):
    """One entry of the journal."""

    id: int
    time_ms: int
    device: str | None
    kind: str | None
    address: str | None
    direction: str
    type: str
    payload: str
    happened_ms: int
    """When it happened, as far as the gateway knows; `time_ms` is when the gateway heard of it."""


class JournalFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What rows must have; None allows anything."""

    device: str | None = None
    kind: str | None = None
    type: str | None = None
    direction: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    after_id: int | None = None
    before_id: int | None = None


# A batch that fails one of these has no matching row; the rows of the others are checked one by one.
_BATCH_CONDITIONS = {
    "since_ms": "id >= (SELECT coalesce(min(id), 0) FROM journal_batches WHERE last_ms >= ?)",
    "until_ms": "first_ms < ?",
    "after_id": "id >= (SELECT coalesce(max(id), 0) FROM journal_batches WHERE id <= ?)",
    "before_id": "id < ?",
}
_INDEX_CONDITIONS = {
    "device": f"device IN (?, '{ANY_DEVICE}')",
    "kind": "kind = ?",
    "type": "type = ?",
    "direction": "direction = ?",
}
# The index is in order of direction first.
_ANY_DIRECTION = "direction IN ('<', '>', '=')"


def read(connection: sqlite3.Connection, filter_: JournalFilter, limit: int = 200, *, newest: bool = True) -> list[Row]:
    """Returns at most `limit` rows that match, in order of time: the newest, or the oldest."""
    found = list(islice(matching(connection, filter_, newest=newest), min(limit, ROWS_MAX)))
    return found[::-1] if newest else found


def matching(connection: sqlite3.Connection, filter_: JournalFilter, *, newest: bool = False) -> Iterator[Row]:
    """Yields all rows that match, oldest first or newest first."""
    for batch in batches_of(connection, filter_, newest=newest):
        for entry_id, group in batch.groups:
            rows = [Row(number, *fields) for number, fields in enumerate(fields_of(group), entry_id)]
            wanted = [row for row in rows if matches(row, filter_)]
            yield from reversed(wanted) if newest else wanted


class Stretch(NamedTuple):
    """Some groups of the journal, as `search` gives them."""

    groups: list[tuple[int, EntryGroup]]
    until_id: int | None
    """The number up to which the journal was read; None at its end."""


def read_stretch(connection: sqlite3.Connection, filter_: JournalFilter) -> Stretch:
    """Returns the next groups that may have what is wanted, oldest first.

    It reads about `STRETCH_ENTRIES` entries, whether they match or not, so that each call takes a bounded time.
    """
    groups: list[tuple[int, EntryGroup]] = []
    read_entries = 0
    for batch in batches_of(connection, filter_, newest=False):
        groups += batch.groups
        read_entries += batch.read_entries
        if read_entries >= STRETCH_ENTRIES:
            return Stretch(groups, batch.last_id)
    return Stretch(groups, None)


class FoundBatch(NamedTuple):
    """A batch that may hold what is wanted."""

    first_id: int
    last_id: int
    read_entries: int
    """How many entries are read for it."""
    groups: Iterable[tuple[int, EntryGroup]]
    """The groups that may have it, and the id of the first entry of each; to be read once."""


def batches_of(connection: sqlite3.Connection, filter_: JournalFilter, *, newest: bool) -> Iterator[FoundBatch]:
    """Yields the batches that may hold what is wanted, from the end that is wanted first, as are their groups."""
    conditions, values = _given(filter_, _BATCH_CONDITIONS)
    indexed, index_values = _given(filter_, _INDEX_CONDITIONS)
    if indexed:
        # For each batch, so that a reader of few rows looks at few batches.
        indexed += [] if filter_.direction else [_ANY_DIRECTION]
        within = f"SELECT 1 FROM journal_index WHERE batch = journal_batches.id AND {' AND '.join(indexed)}"
        conditions.append(f"EXISTS ({within})")
    marks = [mark(field, name) for field in _INDEX_CONDITIONS if (name := getattr(filter_, field)) is not None]
    rare = " OR ".join(["instr(names, ?)"] * len(marks)) or "0"
    found = connection.execute(
        f"SELECT id, size, (SELECT entries FROM journal_rare WHERE batch = id AND ({rare})) AS rare,"
        # A batch that is not needed is not read from the disk.
        f" CASE WHEN EXISTS (SELECT 1 FROM journal_rare WHERE batch = id AND ({rare})) THEN NULL ELSE moments END"
        f" FROM journal_batches WHERE {' AND '.join(conditions) or '1'} ORDER BY id {'DESC' if newest else 'ASC'}",
        [*marks, *marks, *values, *index_values],
    )
    needles = needles_of(filter_.device, filter_.kind, filter_.type, filter_.direction)
    for first_id, size, entries, data in found:
        last_id = first_id + size - 1
        if filter_.after_id is None or last_id > filter_.after_id:
            if entries is None:
                yield FoundBatch(first_id, last_id, size, search(data, first_id, size, needles, newest=newest))
            else:
                rare_size = rare_entries_max(size)
                yield FoundBatch(first_id, last_id, rare_size, search_rare(entries, first_id, needles, newest=newest))


def _given(filter_: JournalFilter, conditions: dict[str, str]) -> tuple[list[str], list[object]]:
    """Returns the conditions of which the filter says anything, and the values for them."""
    names = [name for name in conditions if getattr(filter_, name) is not None]
    return [conditions[name] for name in names], [getattr(filter_, name) for name in names]


def count_by_type(connection: sqlite3.Connection) -> dict[tuple[str, str], int]:
    """Returns how many entries there are of each direction and type."""
    rows = connection.execute("SELECT direction, type, sum(count) FROM journal_index GROUP BY direction, type")
    return {(direction, type_): count for direction, type_, count in rows}


def matches(row: Row, filter_: JournalFilter) -> bool:
    """Returns whether a filter lets a row through."""
    return (
        filter_.device in (None, row.device)
        and filter_.kind in (None, row.kind)
        and filter_.type in (None, row.type)
        and filter_.direction in (None, row.direction)
        and (filter_.since_ms is None or row.time_ms >= filter_.since_ms)
        and (filter_.until_ms is None or row.time_ms < filter_.until_ms)
        and (filter_.after_id is None or row.id > filter_.after_id)
        and (filter_.before_id is None or row.id < filter_.before_id)
    )


def newest_id(connection: sqlite3.Connection) -> int:
    """Returns the id of the newest row, or 0."""
    return next_id(connection) - 1


def oldest_id(connection: sqlite3.Connection) -> int | None:
    """Returns the id of the oldest row that is kept, or None."""
    found: int | None = connection.execute("SELECT min(id) FROM journal_batches").fetchone()[0]
    return found


def parse_since(text: str, now_s: float) -> int:
    """Returns milliseconds since 1970 for an age (10m, 2h, 1d) or an ISO time; raises `ValueError`."""
    age = _AGE.fullmatch(text)
    if age:
        since_s = now_s - float(age.group(1)) * _AGES[age.group(2)]
    else:
        since_s = datetime.datetime.fromisoformat(text).timestamp()
    # Earlier times would become numbers that neither SQLite nor an integer can hold.
    return int(max(0.0, since_s) * 1000)


def describe(row: Row) -> str:
    """Returns one line: time, device, direction, type and payload, safe to print on a terminal."""
    who = row.device or row.kind or "gateway"
    address = f" {row.address}" if row.direction == "=" and row.address else ""
    payload = row.payload
    if len(payload) > _PAYLOAD_SHOWN_CHARS:
        payload = payload[:_PAYLOAD_SHOWN_CHARS] + "…"
    line = f"{who} {row.direction} {row.type}{address} {payload}".rstrip()
    late = f" (happened {_clock(row.happened_ms)})" if row.time_ms - row.happened_ms >= _LATE_MS else ""
    return f"{_clock(row.time_ms)} {visible(line)}{late}"


def _clock(time_ms: int) -> str:
    clock = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time_ms / 1000))
    return f"{clock}.{time_ms % 1000:03d}"
