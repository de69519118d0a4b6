"""The history of telemetry: numbers in SQLite, as they came, and by five minutes and hours, for years."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from darvaz.gateway.settings import Settings
from darvaz.gateway.storage.background_writer import BackgroundWriter
from darvaz.gateway.storage.database import open_database, transaction

log = logging.getLogger("darvaz.history")

DATABASE_NAME = "history.sqlite3"
BATCH_INTERVAL_S = 1.0
PENDING_REPORTS_MAX = 50_000
SERIES_PER_DEVICE_MAX = 64
SERIES_MAX = 20_000
FIVE_MINUTES_S = 300
HOUR_S = 3600

_RETAIN_EVERY_S = 600.0
_LEAST_DAYS = 1 / 24
_SUMMARY = "series INTEGER NOT NULL, time_s INTEGER NOT NULL, count INTEGER, sum REAL, low REAL, high REAL"
_MIGRATIONS = (
    (
        "CREATE TABLE series (id INTEGER PRIMARY KEY, device TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (device, name))",
        # Clustered by series and time: a plot reads neighbours, whatever else was written between them.
        "CREATE TABLE readings (series INTEGER NOT NULL, time_ms INTEGER NOT NULL, value REAL NOT NULL,"
        " PRIMARY KEY (series, time_ms)) WITHOUT ROWID",
        f"CREATE TABLE five_minutes ({_SUMMARY}, PRIMARY KEY (series, time_s)) WITHOUT ROWID",
        f"CREATE TABLE hours ({_SUMMARY}, PRIMARY KEY (series, time_s)) WITHOUT ROWID",
    ),
)
_SUMMARIES = (("five_minutes", FIVE_MINUTES_S), ("hours", HOUR_S))

Report = tuple[str, float, dict[str, float]]


@dataclass(frozen=True, slots=True)
class Retention:
    """How long the history keeps readings, their summaries, and how large it may be."""

    raw_days: float = 7.0
    five_minutes_days: float = 90.0
    hours_days: float = 1825.0
    bytes_max: int = 1024 * 1024 * 1024

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(
            raw_days=settings.history_readings_days,
            five_minutes_days=settings.history_five_minutes_days,
            hours_days=settings.history_hours_days,
            bytes_max=settings.history_retain_bytes_max,
        )


def open_history(folder: Path) -> sqlite3.Connection:
    """Opens the history of a data folder.

    It has a file of its own: its size must not push the journal out, nor its writes delay a sign-in.
    """
    return open_database(folder, DATABASE_NAME, _MIGRATIONS)


class History:
    """Takes reports from the event loop, and writes them in batches in the background, with their summaries.

    At most `PENDING_REPORTS_MAX` reports wait; beyond that the newest are dropped and counted. A name
    beyond `SERIES_PER_DEVICE_MAX` of its device, or `SERIES_MAX` of all, is not kept.
    """

    def __init__(
        self,
        open_connection: Callable[[], sqlite3.Connection],
        retention: Retention | None = None,
        *,
        pending_reports_max: int = PENDING_REPORTS_MAX,
        unix_s: Callable[[], float] = time.time,
    ) -> None:
        self.retention = retention or Retention()
        # Since the start; counted by the event loop.
        self.dropped_reports = 0
        self._open_connection = open_connection
        # The writer's own; None until it is open.
        self._connection: sqlite3.Connection | None = None
        self._pending_reports_max = pending_reports_max
        self._unix_s = unix_s
        # What waits, in order: reports, and ids of devices to forget. The event loop appends, the writer takes.
        self._pending: deque[Report | str] = deque()
        # What the writer has taken and not yet committed; it stays here while the disk fails.
        self._batch: list[Report | str] = []
        # Positions since the start: `accepted` is counted by the event loop, `written` by the writer.
        self._accepted = self._written = 0
        # (device, name) → id of the series, and how many series each device has. The writer's.
        self._series: dict[tuple[str, str], int] = {}
        self._series_of_device: Counter[str] = Counter()
        # Whether `_series` is what the database holds: not before the first batch, nor after a rollback.
        self._is_loaded = False
        # Monotonic seconds at which old readings are deleted next. The writer's.
        self._retain_s = 0.0
        self.writer = BackgroundWriter(
            "history",
            open=self._connect,
            write=self._write,
            position=lambda: self._accepted,
            lost=lambda: self.dropped_reports,
            write_gap=_log_gap,
            tidy=self._retain_if_due,
            close=self._disconnect,
            interval_s=BATCH_INTERVAL_S,
        )

    # From the event loop

    def open(self) -> None:
        """Starts the writer."""
        self.writer.start()

    @property
    def state(self) -> str:
        """ "ok", or a sentence that says what is wrong."""
        return self.writer.state

    def record(self, device: str, time_s: float, values: dict[str, float]) -> None:
        """Keeps the numbers of one report. Never waits."""
        if self._accepted - self._written >= self._pending_reports_max:
            self.dropped_reports += 1
        elif values:
            self._append((device, time_s, values))

    def forget(self, device: str) -> None:
        """Deletes all that a device has reported so far."""
        self._append(device)

    def close(self, timeout_s: float = 3.0) -> bool:
        """Writes what waits and ends the writer; says whether all of it was written in time."""
        return self.writer.close(timeout_s)

    def _append(self, item: Report | str) -> None:
        self._accepted += 1
        self._pending.append(item)

    # The writer's thread

    def _connect(self) -> None:
        self._connection = self._open_connection()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _load(self, connection: sqlite3.Connection) -> None:
        """Reads which series there are."""
        found = connection.execute("SELECT device, name, id FROM series").fetchall()
        self._series = {(device, name): series for device, name, series in found}
        self._series_of_device = Counter(device for device, _, _ in found)
        self._is_loaded = True

    def _write(self) -> int:
        """Writes all that waits and returns how many reports are written; keeps those the disk does not take."""
        connection = self._connection
        assert connection is not None
        if not self._is_loaded:
            self._load(connection)
        self._batch += [self._pending.popleft() for _ in range(len(self._pending))]
        if self._batch:
            # A rollback takes back new series, too.
            self._is_loaded = False
            with transaction(connection):
                self._store(connection, self._batch)
            self._is_loaded = True
            self._written += len(self._batch)
            self._batch = []
        return self._written

    def _store(self, connection: sqlite3.Connection, batch: list[Report | str]) -> None:
        rows: list[tuple[int, int, float]] = []
        for item in batch:
            if isinstance(item, str):
                self._insert(connection, rows)
                rows = []
                self._delete(connection, item)
                continue
            device, time_s, values = item
            for name, value in values.items():
                series = self._series_of(connection, device, name)
                if series is not None:
                    rows.append((series, int(time_s * 1000), value))
        self._insert(connection, rows)

    def _series_of(self, connection: sqlite3.Connection, device: str, name: str) -> int | None:
        known = self._series.get((device, name))
        if known is not None:
            return known
        if self._series_of_device[device] >= SERIES_PER_DEVICE_MAX or len(self._series) >= SERIES_MAX:
            return None
        made = connection.execute("INSERT INTO series (device, name) VALUES (?, ?)", (device, name)).lastrowid
        assert made is not None
        self._series[device, name] = made
        self._series_of_device[device] += 1
        return made

    def _insert(self, connection: sqlite3.Connection, rows: list[tuple[int, int, float]]) -> None:
        connection.executemany("INSERT OR REPLACE INTO readings (series, time_ms, value) VALUES (?, ?, ?)", rows)
        for table, step_s in _SUMMARIES:
            connection.executemany(
                f"INSERT INTO {table} (series, time_s, count, sum, low, high) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (series, time_s) DO UPDATE SET count = count + excluded.count,"
                " sum = sum + excluded.sum, low = min(low, excluded.low), high = max(high, excluded.high)",
                _summarised(rows, step_s),
            )

    def _delete(self, connection: sqlite3.Connection, device: str) -> None:
        for key in [key for key in self._series if key[0] == device]:
            series = self._series.pop(key)
            for table in ("readings", "five_minutes", "hours"):
                connection.execute(f"DELETE FROM {table} WHERE series = ?", (series,))
        connection.execute("DELETE FROM series WHERE device = ?", (device,))
        del self._series_of_device[device]

    # Retention

    def _retain_if_due(self) -> None:
        if time.monotonic() >= self._retain_s:
            self._retain_s = time.monotonic() + _RETAIN_EVERY_S
            self._retain()

    def _retain(self) -> None:
        """Deletes what is too old, then more and more of the readings while the file is too large."""
        connection, kept = self._connection, self.retention
        assert connection is not None
        days = {"hours": kept.hours_days, "five_minutes": kept.five_minutes_days, "readings": kept.raw_days}
        for table in days:
            self._delete_before(connection, table, days[table])
        for table in ("readings", "five_minutes"):
            while _used_bytes(connection) > kept.bytes_max and days[table] > _LEAST_DAYS:
                days[table] /= 2
                self._delete_before(connection, table, days[table])

    def _delete_before(self, connection: sqlite3.Connection, table: str, days: float) -> None:
        column, per_s = ("time_ms", 1000) if table == "readings" else ("time_s", 1)
        oldest = int((self._unix_s() - days * 86_400) * per_s)
        for series in self._series.values():
            connection.execute(f"DELETE FROM {table} WHERE series = ? AND {column} < ?", (series, oldest))


def _log_gap(reports: int) -> None:
    log.warning("= %d reports are missing in the history: the disk could not keep up", reports)


def _summarised(rows: list[tuple[int, int, float]], step_s: int) -> list[tuple[int, int, int, float, float, float]]:
    """Returns one row a series and step: how many readings, their sum, the lowest and the highest."""
    gathered: dict[tuple[int, int], tuple[int, float, float, float]] = {}
    for series, time_ms, value in rows:
        key = (series, time_ms // 1000 // step_s * step_s)
        count, total, low, high = gathered.get(key, (0, 0.0, value, value))
        gathered[key] = (count + 1, total + value, min(low, value), max(high, value))
    return [(*key, *summary) for key, summary in gathered.items()]


def _used_bytes(connection: sqlite3.Connection) -> int:
    def pragma(name: str) -> int:
        return int(connection.execute(f"PRAGMA {name}").fetchone()[0])

    return (pragma("page_count") - pragma("freelist_count")) * pragma("page_size")
