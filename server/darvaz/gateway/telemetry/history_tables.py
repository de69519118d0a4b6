"""Writes readings into the history's tables, deletes what is too old or too much. Used by the history's thread only."""

from __future__ import annotations

import math
import sqlite3
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Self

import msgspec

from darvaz.gateway.settings import Settings
from darvaz.gateway.storage.taken import forget_taken, write_taken
from darvaz.gateway.telemetry.history_schema import DAY_MS, INSERT_BLOCK, INSERT_STATE, BlockRow, block_rows
from darvaz.gateway.telemetry.newest import Newest, forget_newest, write_newest
from darvaz.gateway.telemetry.recent import Recent, Series, series_of

SERIES_PER_DEVICE_MAX = 64
SERIES_MAX = 200_000
FIVE_MINUTES_S = 300
HOUR_S = 3600
DAY_S = 86_400

_SUMMARIES = ("five_minutes", "hours")
_TABLES = ("readings", *_SUMMARIES, "states")
# Unix second at which it begins, how many readings, their sum, the lowest and the highest.
Summary = tuple[int, int, float, float, float]
# How much is deleted at a time while the file is too large: a share of the blocks, and of the time that is kept.
_CUT_SHARE = 0.1
# Pages that are free but in the file; more are given back to the disk.
_FREE_PAGES_MAX = 256


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


class HistoryTables:
    """Knows the series of an open history; every method is called inside a transaction, but for `load`."""

    def __init__(self, series_max: int = SERIES_MAX) -> None:
        self.series_max = series_max
        # Device and name to the id of the series, and how many series each device has.
        self._series: dict[tuple[str, str], int] = {}
        self._series_of_device: Counter[str] = Counter()

    def load(self, connection: sqlite3.Connection) -> None:
        """Reads which series there are: at the start, and after a transaction that failed."""
        found = connection.execute("SELECT device, name, id FROM series").fetchall()
        self._series = {(device, name): series for device, name, series in found}
        self._series_of_device = Counter(device for device, _, _ in found)

    def store(self, connection: sqlite3.Connection, recent: Recent, newest: Callable[[str], Newest]) -> int:
        """Writes what waits, and deletes what was forgotten before; returns how many readings found no place."""
        for device in recent.forgotten:
            self._delete(connection, device)
            forget_taken(connection, device)
            forget_newest(connection, device)
        write_newest(connection, recent.reports, newest)
        write_taken(connection, [(*key, numbers) for key, numbers in recent.taken.items()])
        rows, refused = _Rows(), 0
        for device, reports in recent.reports.items():
            for name, readings in series_of(reports).items():
                series = self._series_of(connection, device, name)
                if series is None:
                    refused += len(readings.numbers) + len(readings.states)
                else:
                    rows.add(series, readings)
        rows.write(connection)
        return refused

    def retain(self, connection: sqlite3.Connection, kept: Retention, unix_s: float) -> None:
        """Deletes what is older than its days, by the clock and by the days of which there is something.

        A clock that is wrong for a while would otherwise take everything with it.
        """
        raw_ms = _oldest_s(connection, kept.raw_days, unix_s) * 1000
        connection.execute("DELETE FROM readings WHERE day <= ? AND last_ms < ?", (raw_ms // DAY_MS, raw_ms))
        five_minutes_s = _oldest_s(connection, kept.five_minutes_days, unix_s)
        hours_s = _oldest_s(connection, kept.hours_days, unix_s)
        for series in self._series.values():
            connection.execute("DELETE FROM states WHERE series = ? AND time_ms < ?", (series, five_minutes_s * 1000))
            connection.execute("DELETE FROM five_minutes WHERE series = ? AND time_s < ?", (series, five_minutes_s))
            connection.execute("DELETE FROM hours WHERE series = ? AND time_s < ?", (series, hours_s))
        connection.execute("DELETE FROM days WHERE day < ?", (int(hours_s // DAY_S),))
        self._drop_empty(connection)

    def cut(self, connection: sqlite3.Connection, bytes_max: int) -> bool:
        """Deletes the oldest readings, then summaries, until the file is small enough; says whether any had to go."""
        is_cut = False
        while used_bytes(connection) > bytes_max and self._cut_some(connection):
            is_cut = True
        return is_cut

    def _cut_some(self, connection: sqlite3.Connection) -> bool:
        count = connection.execute("SELECT count(*) FROM readings").fetchone()[0]
        if count:
            some = max(1, int(count * _CUT_SHARE))
            connection.execute(
                "DELETE FROM readings WHERE id IN (SELECT id FROM readings ORDER BY day, id LIMIT ?)", (some,)
            )
            return True
        return any(self._cut_summaries(connection, table) for table in _SUMMARIES)

    def _cut_summaries(self, connection: sqlite3.Connection, table: str) -> bool:
        first, last = connection.execute(f"SELECT min(time_s), max(time_s) FROM {table}").fetchone()
        if first is None:
            return False
        until_s = first + max(1, (last - first) * _CUT_SHARE)
        return connection.execute(f"DELETE FROM {table} WHERE time_s <= ?", (until_s,)).rowcount > 0

    def _series_of(self, connection: sqlite3.Connection, device: str, name: str) -> int | None:
        known = self._series.get((device, name))
        if known is not None:
            return known
        if self._series_of_device[device] >= SERIES_PER_DEVICE_MAX or len(self._series) >= self.series_max:
            return None
        made = connection.execute("INSERT INTO series (device, name) VALUES (?, ?)", (device, name)).lastrowid
        assert made is not None
        self._series[device, name] = made
        self._series_of_device[device] += 1
        return made

    def _delete(self, connection: sqlite3.Connection, device: str) -> None:
        for key in [key for key in self._series if key[0] == device]:
            self._delete_series(connection, key)
        # Also what another program of an earlier version left.
        connection.execute("DELETE FROM series WHERE device = ?", (device,))

    def _drop_empty(self, connection: sqlite3.Connection) -> None:
        """Lets go of series of which nothing is left, so that their places are free."""
        ids = {series: key for key, series in self._series.items()}
        for table in _TABLES:
            for (series,) in connection.execute(f"SELECT DISTINCT series FROM {table}").fetchall():
                ids.pop(series, None)
        for key in ids.values():
            self._delete_series(connection, key)
        connection.execute("DELETE FROM newest WHERE device NOT IN (SELECT device FROM series)")

    def _delete_series(self, connection: sqlite3.Connection, key: tuple[str, str]) -> None:
        series = self._series.pop(key)
        for table in _TABLES:
            connection.execute(f"DELETE FROM {table} WHERE series = ?", (series,))
        connection.execute("DELETE FROM series WHERE id = ?", (series,))
        self._series_of_device[key[0]] -= 1
        if not self._series_of_device[key[0]]:
            del self._series_of_device[key[0]]


def _oldest_s(connection: sqlite3.Connection, days: float, unix_s: float) -> float:
    """Returns the Unix second before which nothing is kept: days ago, and as many days with data ago.

    Days of the future count for nothing, and today, which the clock may have made up, for no day of the past.
    """
    row = connection.execute(
        "SELECT day FROM days WHERE day < ? ORDER BY day DESC LIMIT 1 OFFSET ?", (unix_s // DAY_S, math.ceil(days) - 1)
    ).fetchone()
    return max(0.0, min(unix_s - days * DAY_S, 0 if row is None else (row[0] + 1) * DAY_S))


def used_bytes(connection: sqlite3.Connection) -> int:
    """Returns how much of the file is in use."""

    def pragma(name: str) -> int:
        return int(connection.execute(f"PRAGMA {name}").fetchone()[0])

    return (pragma("page_count") - pragma("freelist_count")) * pragma("page_size")


def give_back(connection: sqlite3.Connection) -> None:
    """Gives free pages back to the disk; outside a transaction."""
    if connection.execute("PRAGMA freelist_count").fetchone()[0] > _FREE_PAGES_MAX:
        connection.execute("PRAGMA incremental_vacuum").fetchall()


class _Rows:
    """What a flush writes, by table: many rows in one call of SQLite."""

    def __init__(self) -> None:
        self._blocks: list[BlockRow] = []
        self._days: set[tuple[int]] = set()
        self._five_minutes: list[tuple[int, *Summary]] = []
        self._hours: list[tuple[int, *Summary]] = []
        self._states: list[tuple[int, int, str]] = []

    def add(self, series: int, readings: Series) -> None:
        """Adds the readings of one series."""
        times_ms, values = readings.in_order()
        for first, end in _stretches(times_ms, DAY_MS):
            self._blocks += block_rows(series, times_ms[first:end], values[first:end])
            self._days.add((times_ms[first] // DAY_MS,))
        five_minutes = list(_summaries(times_ms, values))
        self._five_minutes += [(series, *row) for row in five_minutes]
        self._hours += [(series, *row) for row in _summaries_of_hours(five_minutes)]
        self._states += [
            (series, time_ms, msgspec.json.encode(state).decode())
            for time_ms, state in zip(readings.state_times_ms, readings.states, strict=True)
        ]

    def write(self, connection: sqlite3.Connection) -> None:
        connection.executemany(INSERT_BLOCK, self._blocks)
        connection.executemany("INSERT OR IGNORE INTO days (day) VALUES (?)", self._days)
        for table, rows in (("five_minutes", self._five_minutes), ("hours", self._hours)):
            connection.executemany(
                f"INSERT INTO {table} (series, time_s, count, sum, low, high) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (series, time_s) DO UPDATE SET count = count + excluded.count,"
                " sum = sum + excluded.sum, low = min(low, excluded.low), high = max(high, excluded.high)",
                rows,
            )
        connection.executemany(INSERT_STATE, self._states)


def _stretches(times_ms: list[int], step_ms: int) -> Iterator[tuple[int, int]]:
    """Yields where each step of ordered times begins and ends, as places in the list."""
    first = 0
    while first < len(times_ms):
        end = bisect_left(times_ms, (times_ms[first] // step_ms + 1) * step_ms, first)
        yield first, end
        first = end


def _summaries(times_ms: list[int], values: list[float]) -> Iterator[Summary]:
    """Yields one row for each five minutes of ordered times."""
    for first, end in _stretches(times_ms, FIVE_MINUTES_S * 1000):
        some = values[first:end]
        time_s = times_ms[first] // 1000 // FIVE_MINUTES_S * FIVE_MINUTES_S
        yield time_s, end - first, sum(some), min(some), max(some)


def _summaries_of_hours(five_minutes: list[Summary]) -> Iterator[Summary]:
    """Yields one row for each hour, from those of five minutes."""
    for time_s, rows in groupby(five_minutes, lambda row: row[0] // HOUR_S * HOUR_S):
        _, counts, sums, lows, highs = zip(*rows, strict=True)
        yield time_s, sum(counts), sum(sums), min(lows), max(highs)
