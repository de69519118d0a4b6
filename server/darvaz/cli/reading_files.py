"""Readings as files that other programs analyse: Parquet and SQLite, written piece by piece in bounded memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

import click

from darvaz.client.readings import Readings
from darvaz.text.extras import how_to_install

# Of one row group or one transaction; what waits for it is all that is in memory.
GROUP_ROWS = 65_536
_SCHEMA = """
    CREATE TABLE series (id INTEGER PRIMARY KEY, device TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (device, name));
    CREATE TABLE readings (
        series INTEGER NOT NULL REFERENCES series (id), time_ms INTEGER NOT NULL, value REAL NOT NULL
    );
    CREATE TABLE texts (
        series INTEGER NOT NULL REFERENCES series (id), time_ms INTEGER NOT NULL, text TEXT NOT NULL
    );
    CREATE VIEW telemetry AS
        SELECT device, name, time_ms / 1000.0 AS time, value, NULL AS text
        FROM readings JOIN series ON series.id = readings.series
        UNION ALL SELECT device, name, time_ms / 1000.0, NULL, text FROM texts JOIN series ON series.id = texts.series;
"""


class ReadingFile(Protocol):
    """A file of readings that is being written."""

    def write(self, readings: Readings) -> None:
        """Adds readings."""

    def close(self) -> None:
        """Writes what is left; the file is whole then."""


def has_numbers(readings: Readings) -> bool:
    """Returns whether these are numbers, and not texts: they are never mixed."""
    return not isinstance(readings.values[0], str)


class ParquetFile:
    """Rows of device, name and time, and value or text, in row groups of about `GROUP_ROWS`."""

    def __init__(self, path: Path) -> None:
        try:
            import pyarrow
            from pyarrow import parquet
        except ImportError:
            raise click.ClickException(f"Parquet needs one more package: {how_to_install('parquet')}") from None
        self._arrow: Any = pyarrow
        time = pyarrow.timestamp("ms", tz="UTC")
        text, value = pyarrow.string(), ("value", pyarrow.float64())
        self._schema = pyarrow.schema([("device", text), ("name", text), ("time", time), value, ("text", text)])
        self._writer = parquet.ParquetWriter(path, self._schema, compression="zstd")
        # Of the next row group.
        self._batches: list[Any] = []
        self._rows = 0

    def write(self, readings: Readings) -> None:
        """Adds readings."""
        arrow, values, count = self._arrow, readings.values, len(readings.values)
        is_number, nothing = has_numbers(readings), [None] * count
        columns = [
            arrow.repeat(arrow.scalar(readings.device), count),
            arrow.repeat(arrow.scalar(readings.name), count),
            arrow.array(readings.times_ms, self._schema.field("time").type),
            arrow.array(values if is_number else nothing, self._schema.field("value").type),
            arrow.array(nothing if is_number else values, self._schema.field("text").type),
        ]
        self._batches.append(arrow.RecordBatch.from_arrays(columns, schema=self._schema))
        self._rows += count
        if self._rows >= GROUP_ROWS:
            self._flush()

    def close(self) -> None:
        """Writes what is left; the file is whole then."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._batches:
            self._writer.write_table(self._arrow.Table.from_batches(self._batches, self._schema), GROUP_ROWS * 2)
        self._batches, self._rows = [], 0


class SqliteFile:
    """Tables `series`, `readings` and `texts`, and the view `telemetry` of them, with the time in Unix seconds."""

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        # A file that is not whole is thrown away: nothing needs to be undone.
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + _SCHEMA)
        self._connection.execute("BEGIN")
        self._series: dict[tuple[str, str], int] = {}
        self._rows = 0

    def write(self, readings: Readings) -> None:
        """Adds readings."""
        series = self._series_of(readings.device, readings.name)
        rows = ((series, time_ms, value) for time_ms, value in zip(readings.times_ms, readings.values, strict=True))
        table = "readings" if has_numbers(readings) else "texts"
        self._connection.executemany(f"INSERT INTO {table} VALUES (?, ?, ?)", rows)
        self._rows += len(readings.values)
        if self._rows >= GROUP_ROWS:
            self._connection.execute("COMMIT")
            self._connection.execute("BEGIN")
            self._rows = 0

    def close(self) -> None:
        """Writes what is left, and the index; the file is whole then."""
        self._connection.execute("COMMIT")
        for table in ("readings", "texts"):
            self._connection.execute(f"CREATE INDEX {table}_by_time ON {table} (series, time_ms)")
        self._connection.close()

    def _series_of(self, device: str, name: str) -> int:
        number = self._series.get((device, name))
        if number is None:
            number = self._series[device, name] = len(self._series) + 1
            self._connection.execute("INSERT INTO series VALUES (?, ?, ?)", (number, device, name))
        return number


FILES: dict[str, type[ParquetFile] | type[SqliteFile]] = {"parquet": ParquetFile, "sqlite": SqliteFile}


def write_readings(found: Iterable[Readings], format_: str, path: Path) -> None:
    """Writes a file of readings; raises `OSError`, or `click.ClickException` where a package is missing."""
    file: ReadingFile = FILES[format_](path)
    for readings in found:
        file.write(readings)
    file.close()
