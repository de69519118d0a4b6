"""Reading the journal: by device, kind, type, direction and time, and one line of it for people."""

from __future__ import annotations

import datetime
import re
import sqlite3
import time
from collections.abc import Iterator

import msgspec

from darvaz.gateway.journal.batches import next_id, parse_rows
from darvaz.text.terminal import visible

ROWS_MAX = 10_000
_PAYLOAD_SHOWN_CHARS = 200
_AGES = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_AGE = re.compile(r"(\d+(?:\.\d+)?)([smhd])")


class Row(msgspec.Struct, frozen=True):
    """One thing that happened."""

    id: int
    time_ms: int
    device: str | None
    kind: str | None
    address: str | None
    direction: str
    type: str
    payload: str


class JournalFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows are wanted; None is any."""

    device: str | None = None
    kind: str | None = None
    type: str | None = None
    direction: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    after_id: int | None = None
    before_id: int | None = None


# A batch that fails one of these has no wanted row; one that passes must be looked into.
_BATCH_CONDITIONS = {
    "device": "instr(devices, ?)",
    "type": "instr(moments, ?)",
    "since_ms": "id >= (SELECT coalesce(min(id), 0) FROM journal_batches WHERE last_ms >= ?)",
    "until_ms": "first_ms < ?",
    "after_id": "id >= (SELECT coalesce(max(id), 0) FROM journal_batches WHERE id <= ?)",
    "before_id": "id < ?",
}


def read(connection: sqlite3.Connection, wanted: JournalFilter, limit: int = 200, *, newest: bool = True) -> list[Row]:
    """Returns at most `limit` rows in order of time: the newest that fit, or the oldest."""
    found: list[Row] = []
    limit = min(limit, ROWS_MAX)
    for first_id, text in _batches(connection, wanted, newest):
        rows = [Row(first_id + place, *record) for place, record in enumerate(parse_rows(text))]
        found += [row for row in (reversed(rows) if newest else rows) if _is_wanted(row, wanted)]
        if len(found) >= limit:
            break
    del found[limit:]
    return found[::-1] if newest else found


def _batches(connection: sqlite3.Connection, wanted: JournalFilter, newest: bool) -> Iterator[tuple[int, str]]:
    """Yields the batches that may hold what is wanted, from the end that is wanted first."""
    given = {name: value for name in _BATCH_CONDITIONS if (value := getattr(wanted, name)) is not None}
    for name in given.keys() & {"device", "type"}:
        # As it stands in the JSON, quotes and all.
        given[name] = msgspec.json.encode(given[name]).decode()
    where = " AND ".join(_BATCH_CONDITIONS[name] for name in given) or "1"
    yield from connection.execute(
        f"SELECT id, moments FROM journal_batches WHERE {where} ORDER BY id {'DESC' if newest else 'ASC'}",
        tuple(given.values()),
    )


def _is_wanted(row: Row, wanted: JournalFilter) -> bool:
    return (
        wanted.device in (None, row.device)
        and wanted.kind in (None, row.kind)
        and wanted.type in (None, row.type)
        and wanted.direction in (None, row.direction)
        and (wanted.since_ms is None or row.time_ms >= wanted.since_ms)
        and (wanted.until_ms is None or row.time_ms < wanted.until_ms)
        and (wanted.after_id is None or row.id > wanted.after_id)
        and (wanted.before_id is None or row.id < wanted.before_id)
    )


def newest_id(connection: sqlite3.Connection) -> int:
    """Returns the id of the newest row there is, 0 without one."""
    return next_id(connection) - 1


def parse_since(text: str, now_s: float) -> int:
    """Returns milliseconds since 1970 for an age (10m, 2h, 1d) or an ISO time; raises `ValueError`."""
    age = _AGE.fullmatch(text)
    if age:
        since_s = now_s - float(age.group(1)) * _AGES[age.group(2)]
    else:
        since_s = datetime.datetime.fromisoformat(text).timestamp()
    # Before 1970 there is nothing to find, and numbers that neither SQLite nor an integer holds.
    return int(max(0.0, since_s) * 1000)


def describe(row: Row) -> str:
    """Returns one line: time, who, direction, type and what was said, safe to print on a terminal."""
    clock = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(row.time_ms / 1000))
    who = row.device or row.kind or "gateway"
    address = f" {row.address}" if row.direction == "=" and row.address else ""
    payload = row.payload
    if len(payload) > _PAYLOAD_SHOWN_CHARS:
        payload = payload[:_PAYLOAD_SHOWN_CHARS] + "…"
    said = f"{who} {row.direction} {row.type}{address} {payload}".rstrip()
    return f"{clock}.{row.time_ms % 1000:03d} {visible(said)}"
