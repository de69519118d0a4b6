"""Reading the history: one series between two times, in about as many points as a plot has room for."""

from __future__ import annotations

import sqlite3
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from darvaz.gateway.telemetry.history import FIVE_MINUTES_S, HOUR_S

POINTS_MAX = 2_000
POINTS = 500

Source = Literal["readings", "five_minutes", "hours"]

_STEPS_S: tuple[tuple[Source, int], ...] = (("hours", HOUR_S), ("five_minutes", FIVE_MINUTES_S))


class Point(msgspec.Struct, array_like=True, frozen=True):
    """What a series was at a time, or from that time until the next point."""

    time: Annotated[float, Meta(description="Unix seconds.")]
    mean: float
    low: float
    high: float
    count: int


class Plot(msgspec.Struct, frozen=True):
    """A series between two times."""

    source: Annotated[Source, Meta(description="Where the points come from: single readings or their summaries.")]
    step_s: Annotated[float, Meta(description="How much time a point stands for; 0 for single readings.")]
    points: list[Point]


def plot(connection: sqlite3.Connection, device: str, name: str, from_s: float, to_s: float, points: int) -> Plot:
    """Returns at most `points` points, oldest first, from the coarsest source that is fine enough.

    Where that source does not reach back far enough, a coarser one is taken.
    """
    row = connection.execute("SELECT id FROM series WHERE device = ? AND name = ?", (device, name)).fetchone()
    if row is None or from_s >= to_s:
        return Plot("readings", 0.0, [])
    series = int(row[0])
    step_s = (to_s - from_s) / points
    wanted: Source = next((source for source, width_s in _STEPS_S if step_s >= width_s), "readings")
    source = _reaching_back(connection, series, wanted, from_s)
    if source == "readings":
        return _readings(connection, series, from_s, to_s, points)
    return _summaries(connection, series, source, from_s, to_s, points)


def last_readings(connection: sqlite3.Connection, device: str) -> dict[str, tuple[float, float]]:
    """Returns the newest number of each name and its Unix time, as far as single readings are kept."""
    rows = connection.execute(
        "SELECT name, value, time_ms FROM series JOIN readings ON series = id WHERE device = ?"
        " AND time_ms = (SELECT max(time_ms) FROM readings WHERE series = id)",
        (device,),
    )
    return {name: (value, time_ms / 1000) for name, value, time_ms in rows}


def _reaching_back(connection: sqlite3.Connection, series: int, source: Source, from_s: float) -> Source:
    """Returns the source, or the next coarser one that has something older where this one begins too late."""
    if source != "hours":
        oldest_s = _oldest_s(connection, series, source)
        coarser: Source = "five_minutes" if source == "readings" else "hours"
        before_s = _oldest_s(connection, series, coarser)
        width_s = FIVE_MINUTES_S if coarser == "five_minutes" else HOUR_S
        if before_s is not None and (oldest_s is None or max(before_s + width_s, from_s) < oldest_s):
            return _reaching_back(connection, series, coarser, from_s)
    return source


def _oldest_s(connection: sqlite3.Connection, series: int, source: Source) -> float | None:
    column, per_s = ("time_ms", 1000) if source == "readings" else ("time_s", 1)
    (oldest,) = connection.execute(f"SELECT min({column}) FROM {source} WHERE series = ?", (series,)).fetchone()
    return None if oldest is None else oldest / per_s


def _readings(connection: sqlite3.Connection, series: int, from_s: float, to_s: float, points: int) -> Plot:
    """Returns the readings themselves if there are few, else their summaries by equal steps."""
    span = (series, int(from_s * 1000), int(to_s * 1000))
    where = "WHERE series = ? AND time_ms >= ? AND time_ms < ? ORDER BY time_ms LIMIT ?"
    rows = connection.execute(f"SELECT time_ms, value FROM readings {where}", (*span, points + 1)).fetchall()
    if len(rows) <= points:
        return Plot("readings", 0.0, [Point(time_ms / 1000, value, value, value, 1) for time_ms, value in rows])
    step_ms = max(1, -(-(span[2] - span[1]) // points))
    grouped = connection.execute(
        "SELECT (time_ms - :from_ms) / :step_ms AS step, avg(value), min(value), max(value), count(*) FROM readings"
        " WHERE series = :series AND time_ms >= :from_ms AND time_ms < :to_ms GROUP BY step ORDER BY step",
        {"series": series, "from_ms": span[1], "to_ms": span[2], "step_ms": step_ms},
    )
    found = [Point((span[1] + step * step_ms) / 1000, *rest) for step, *rest in grouped]
    return Plot("readings", step_ms / 1000, found)


def _summaries(
    connection: sqlite3.Connection, series: int, source: Source, from_s: float, to_s: float, points: int
) -> Plot:
    """Returns summaries, several to a point if there are more than points."""
    width_s = FIVE_MINUTES_S if source == "five_minutes" else HOUR_S
    # Whole summaries only: the one that `from_s` falls into belongs to the plot.
    first_s, last_s = int(from_s // width_s) * width_s, int(-(-to_s // width_s)) * width_s
    step_s = max(1, -(-(last_s - first_s) // (points * width_s))) * width_s
    grouped = connection.execute(
        "SELECT (time_s - :first_s) / :step_s AS step, sum(sum) / sum(count), min(low), max(high), sum(count)"
        f" FROM {source} WHERE series = :series AND time_s >= :first_s AND time_s < :last_s"
        " GROUP BY step ORDER BY step",
        {"series": series, "first_s": first_s, "last_s": last_s, "step_s": step_s},
    )
    found = [Point(float(first_s + step * step_s), *rest) for step, *rest in grouped]
    return Plot(source, float(step_s), found)
