"""The single readings of the history as a file, series by series and day by day, in pieces of bounded size."""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Literal, NamedTuple

import msgspec

from darvaz.gateway.telemetry.blocks import BlockError, unpack
from darvaz.gateway.telemetry.history_schema import DAY_MS

ExportFormat = Literal["csv", "lines", "columns"]
CSV_HEAD = b"device,name,time,value\r\n"
# Characters that separate in InfluxDB's line protocol.
_SEPARATORS = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ "})

_FORMULA_STARTS = ("=", "+", "-", "@")


class ReadingFilter(NamedTuple):
    """Which readings; empty texts stand for all. Unix milliseconds, the end is not in it."""

    device: str
    name: str
    from_ms: int
    to_ms: int


class Portion(NamedTuple):
    """The packed readings of one series and one day, where the next portion follows."""

    day: int
    series: int
    device: str
    name: str
    blocks: Sequence[bytes]


_NEXT = """
    SELECT readings.day, readings.series, device, name FROM readings JOIN series ON series.id = readings.series
    WHERE (readings.day, readings.series) > (:day, :series) AND readings.day <= :last_day
        AND (:device = '' OR device = :device) AND (:name = '' OR name = :name)
    ORDER BY readings.day, readings.series LIMIT 1
"""


def read_portion(connection: sqlite3.Connection, wanted: ReadingFilter, after: Portion | None) -> Portion | None:
    """Returns the portion that follows, or None at the end.

    The writer packs small blocks together, but never those of two days: no reading is missed, or there twice.
    """
    day, series = (wanted.from_ms // DAY_MS, -1) if after is None else (after.day, after.series)
    last_day = (wanted.to_ms - 1) // DAY_MS
    given = {"day": day, "series": series, "last_day": last_day, "device": wanted.device, "name": wanted.name}
    row = connection.execute(_NEXT, given).fetchone()
    if row is None:
        return None
    blocks = connection.execute(
        "SELECT block FROM readings WHERE day = ? AND series = ? AND first_ms < ? AND last_ms >= ? ORDER BY first_ms",
        (row[0], row[1], wanted.to_ms, wanted.from_ms),
    )
    day, series, device, name = row
    return Portion(day, series, device, name, [block for (block,) in blocks])


def dump_block(portion: Portion, block: bytes, wanted: ReadingFilter, format_: ExportFormat) -> bytes:
    """Returns the readings of one block as lines of the file; a damaged block is left out."""
    try:
        times_ms, values = unpack(block)
    except BlockError:
        return b""
    if format_ == "columns":
        return _columns(portion, times_ms, values, wanted)
    found = ((ms, value) for ms, value in zip(times_ms, values, strict=True) if wanted.from_ms <= ms < wanted.to_ms)
    return "".join(_DUMPS[format_](portion.device, portion.name, found)).encode()


def _columns(portion: Portion, times_ms: list[int], values: list[float], wanted: ReadingFilter) -> bytes:
    """Returns one line of JSON with all of a block, its times in order."""
    start, end = bisect_left(times_ms, wanted.from_ms), bisect_left(times_ms, wanted.to_ms)
    if start == end:
        return b""
    found = {
        "device": portion.device,
        "name": portion.name,
        "times_ms": times_ms[start:end],
        "values": values[start:end],
    }
    return msgspec.json.encode(found) + b"\n"


def csv_rows(device: str, name: str, readings: Iterable[tuple[int, float | str]]) -> Iterator[str]:
    """Yields rows of the CSV: numbers as they are, and texts in quotes."""
    start = f"{_quoted(device)},{name},"
    for time_ms, value in readings:
        time = datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds")
        yield f"{start}{time},{_quoted(value) if isinstance(value, str) else f'{value:.15g}'}\r\n"


def _quoted(text: str) -> str:
    """Returns a cell of CSV; what begins like a formula of a spreadsheet gets an apostrophe."""
    mark = "'" if text.startswith(_FORMULA_STARTS) else ""
    return '"' + (mark + text).replace('"', '""') + '"'


def protocol_start(device: str, name: str) -> str:
    """Returns how a line of InfluxDB's line protocol begins."""
    return f"telemetry,device={device.translate(_SEPARATORS)},name={name}"


def _protocol_lines(device: str, name: str, readings: Iterator[tuple[int, float]]) -> Iterator[str]:
    start = f"{protocol_start(device, name)} value="
    for time_ms, value in readings:
        yield f"{start}{value:.15g} {time_ms}000000\n"


_DUMPS: dict[str, Callable[[str, str, Iterator[tuple[int, float]]], Iterator[str]]] = {
    "csv": csv_rows,
    "lines": _protocol_lines,
}
