"""The changes of texts as a part of the exported file, series by series, in pieces of bounded size.

Truth values are among the numbers, each reading as 1 or 0.
"""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

import msgspec

from darvaz.gateway.telemetry.export import ExportFormat, ReadingFilter, csv_rows, protocol_start

# Of one piece, which is one line of JSON: texts have 256 characters at most.
CHANGES_MAX = 512


class TextPortion(NamedTuple):
    """Changes of one value of one device, and where those that follow begin."""

    series: int
    device: str
    name: str
    changes: list[tuple[int, int, str]]
    """Unix milliseconds, the number of the change among those of its millisecond, and the value as JSON."""


_SERIES = """
    SELECT id, device, name FROM series
    WHERE id > :series AND (:device = '' OR device = :device) AND (:name = '' OR name = :name)
        AND EXISTS (SELECT 1 FROM states WHERE states.series = series.id AND time_ms >= :from_ms AND time_ms < :to_ms
                    AND value LIKE '"%')
    ORDER BY id LIMIT 1
"""
_CHANGES = """
    SELECT time_ms, number, value FROM states
    WHERE series = ? AND (time_ms, number) > (?, ?) AND time_ms >= ? AND time_ms < ? AND value LIKE '"%'
    ORDER BY time_ms, number LIMIT ?
"""


def read_texts(connection: sqlite3.Connection, wanted: ReadingFilter, after: TextPortion | None) -> TextPortion | None:
    """Returns the changes that follow, or None at the end."""
    if after is not None and len(after.changes) == CHANGES_MAX:
        changes = _changes(connection, after.series, wanted, after.changes[-1][:2])
        if changes:
            return after._replace(changes=changes)
    given = wanted._asdict() | {"series": -1 if after is None else after.series}
    for series, device, name in connection.execute(_SERIES, given):
        return TextPortion(series, device, name, _changes(connection, series, wanted, (-1, -1)))
    return None


def _changes(
    connection: sqlite3.Connection, series: int, wanted: ReadingFilter, after: tuple[int, int]
) -> list[tuple[int, int, str]]:
    rows = connection.execute(_CHANGES, (series, *after, wanted.from_ms, wanted.to_ms, CHANGES_MAX))
    return list(rows)


def dump_texts(portion: TextPortion, format_: ExportFormat) -> bytes:
    """Returns changes as lines of the file."""
    texts: list[str] = [msgspec.json.decode(value) for _, _, value in portion.changes]
    times_ms = [time_ms for time_ms, _, _ in portion.changes]
    if format_ == "columns":
        found = {"device": portion.device, "name": portion.name, "times_ms": times_ms, "values": texts}
        return msgspec.json.encode(found) + b"\n"
    changes = zip(times_ms, texts, strict=True)
    if format_ == "csv":
        return "".join(csv_rows(portion.device, portion.name, changes)).encode()
    start = protocol_start(portion.device, portion.name)
    return "".join(f"{start} text={_quoted(text)} {time_ms}000000\n" for time_ms, text in changes).encode()


def _quoted(text: str) -> str:
    """Returns a text for InfluxDB's line protocol, where a line break would end the line: it becomes a space."""
    return '"' + " ".join(text.splitlines()).replace("\\", "\\\\").replace('"', '\\"') + '"'
