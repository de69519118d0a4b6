"""Reading the journal: by device, kind, type, direction and time, and one line of it for people."""

from __future__ import annotations

import datetime
import re
import sqlite3
import time

import msgspec

from darvaz.visible import visible

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


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows are wanted; None is any."""

    device: str | None = None
    kind: str | None = None
    type: str | None = None
    direction: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    after_id: int | None = None


_CONDITIONS = {
    "device": "device = ?",
    "kind": "kind = ?",
    "type": "type = ?",
    "direction": "direction = ?",
    "since_ms": "time_ms >= ?",
    "until_ms": "time_ms < ?",
    "after_id": "id > ?",
}


def read(connection: sqlite3.Connection, wanted: Wanted, limit: int = 200, *, newest: bool = True) -> list[Row]:
    """Returns at most `limit` rows in order of time: the newest that fit, or the oldest."""
    given = {name: getattr(wanted, name) for name in _CONDITIONS if getattr(wanted, name) is not None}
    where = " AND ".join(_CONDITIONS[name] for name in given) or "1"
    found = connection.execute(
        "SELECT id, time_ms, device, kind, address, direction, type, payload FROM journal"
        f" WHERE {where} ORDER BY id {'DESC' if newest else 'ASC'} LIMIT ?",
        (*given.values(), min(limit, ROWS_MAX)),
    ).fetchall()
    return [Row(*row) for row in (reversed(found) if newest else found)]


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
