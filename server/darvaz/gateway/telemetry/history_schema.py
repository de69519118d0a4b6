"""The tables of the history, and the way from each earlier version of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from darvaz.gateway.storage.database import open_database
from darvaz.gateway.storage.taken import TABLE
from darvaz.gateway.telemetry.blocks import READINGS_MAX, pack

DATABASE_NAME = "history.sqlite3"
DAY_MS = 86_400_000

_SUMMARY = "series INTEGER NOT NULL, time_s INTEGER NOT NULL, count INTEGER, sum REAL, low REAL, high REAL"
INSERT_BLOCK = "INSERT INTO readings (series, day, first_ms, last_ms, count, block) VALUES (?, ?, ?, ?, ?, ?)"
# The number of a change is its place within its millisecond.
INSERT_STATE = (
    "INSERT INTO states (series, time_ms, number, value) VALUES (?1, ?2,"
    " (SELECT coalesce(max(number) + 1, 0) FROM states WHERE series = ?1 AND time_ms = ?2), ?3)"
)
BlockRow = tuple[int, int, int, int, int, bytes]
# A reading, in the order of which the first version's table was read.
_Row = tuple[int, int, float]


def open_history(folder: Path) -> sqlite3.Connection:
    """Opens the history of a data folder.

    It has a file of its own: its size must not push the journal out, nor its writes delay a sign-in.
    """
    return open_database(folder, DATABASE_NAME, MIGRATIONS)


def read_meta(connection: sqlite3.Connection, key: str) -> int:
    """Returns a number that the history remembers by name, 0 where it does not."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return 0 if row is None else int(row[0])


def write_meta(connection: sqlite3.Connection, key: str, value: int) -> None:
    """Remembers a number by name."""
    connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (key, value))


def block_rows(series: int, times_ms: list[int], values: list[float]) -> Iterator[BlockRow]:
    """Yields readings of one series and one day, in the order of their times, as blocks for `INSERT_BLOCK`."""
    for start in range(0, len(times_ms), READINGS_MAX):
        times, numbers = times_ms[start : start + READINGS_MAX], values[start : start + READINGS_MAX]
        yield series, times[0] // DAY_MS, times[0], times[-1], len(times), pack(times, numbers)


def _pack_old_readings(connection: sqlite3.Connection) -> None:
    """Packs what the first version kept as one row a reading."""
    rows: list[_Row] = []
    for row in connection.execute("SELECT series, time_ms, value FROM old_readings ORDER BY series, time_ms"):
        if rows and (row[0] != rows[0][0] or row[1] // DAY_MS != rows[0][1] // DAY_MS):
            _pack_rows(connection, rows)
            rows = []
        rows.append(row)
    if rows:
        _pack_rows(connection, rows)


def _pack_rows(connection: sqlite3.Connection, rows: list[_Row]) -> None:
    times_ms, values = [time_ms for _, time_ms, _ in rows], [value for _, _, value in rows]
    connection.executemany(INSERT_BLOCK, block_rows(rows[0][0], times_ms, values))


# One entry a version; an entry that was released is never changed, only followed.
MIGRATIONS = (
    (
        "CREATE TABLE series (id INTEGER PRIMARY KEY, device TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (device, name))",
        "CREATE TABLE readings (series INTEGER NOT NULL, time_ms INTEGER NOT NULL, value REAL NOT NULL,"
        " PRIMARY KEY (series, time_ms)) WITHOUT ROWID",
        # Clustered by series and time: a plot reads neighbours, whatever else was written between them.
        f"CREATE TABLE five_minutes ({_SUMMARY}, PRIMARY KEY (series, time_s)) WITHOUT ROWID",
        f"CREATE TABLE hours ({_SUMMARY}, PRIMARY KEY (series, time_s)) WITHOUT ROWID",
    ),
    # Readings in packed blocks (blocks.py): a tenth of the bytes, and a page for many series instead of one for each.
    (
        "ALTER TABLE readings RENAME TO old_readings",
        "CREATE TABLE readings (id INTEGER PRIMARY KEY, series INTEGER NOT NULL, day INTEGER NOT NULL,"
        " first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, count INTEGER NOT NULL, block BLOB NOT NULL)",
        # The day first: what is written together lies together, and what is too old is one stretch.
        "CREATE INDEX readings_day ON readings (day, series)",
        _pack_old_readings,
        "DROP TABLE old_readings",
        # The days of which there is something: what the clock says of old and new is not to be trusted alone.
        "CREATE TABLE days (day INTEGER PRIMARY KEY)",
        "INSERT OR IGNORE INTO days SELECT time_s / 86400 FROM hours",
        # Texts and truth values: only changes.
        "CREATE TABLE states (series INTEGER NOT NULL, time_ms INTEGER NOT NULL, value TEXT NOT NULL,"
        " PRIMARY KEY (series, time_ms, value)) WITHOUT ROWID",
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
    ),
    # Which messages of boards the history has, by their numbers.
    (TABLE,),
    # The newest values of each device, as JSON, and the start of the board that they belong to (newest.py).
    ("CREATE TABLE newest (device TEXT PRIMARY KEY, boot TEXT NOT NULL, readings TEXT NOT NULL) WITHOUT ROWID",),
    # Changes of one millisecond in the order in which they came; of earlier ones it is not known.
    (
        "ALTER TABLE states RENAME TO old_states",
        "CREATE TABLE states (series INTEGER NOT NULL, time_ms INTEGER NOT NULL, number INTEGER NOT NULL,"
        " value TEXT NOT NULL, PRIMARY KEY (series, time_ms, number)) WITHOUT ROWID",
        "INSERT INTO states SELECT series, time_ms,"
        " row_number() OVER (PARTITION BY series, time_ms ORDER BY value) - 1, value FROM old_states",
        "DROP TABLE old_states",
    ),
)
