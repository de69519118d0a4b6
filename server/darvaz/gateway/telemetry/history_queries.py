"""Reading the history: one series between two times, in about as many points as a plot can show."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from darvaz.gateway.telemetry.blocks import unpack
from darvaz.gateway.telemetry.history_schema import DAY_MS, read_meta
from darvaz.gateway.telemetry.history_tables import FIVE_MINUTES_S, HOUR_S
from darvaz.gateway.telemetry.report_queue import LastReadings, State, Waiting

POINTS_MAX = 2_000
POINTS = 500

Source = Literal["readings", "five_minutes", "hours"]

_STEPS_S: tuple[tuple[Source, int], ...] = (("hours", HOUR_S), ("five_minutes", FIVE_MINUTES_S))
# The blocks of one series, from the first day on that has any: an index look-up for each day with data.
_BLOCKS = "FROM days CROSS JOIN readings ON readings.day = days.day AND series = ?"

# A time in milliseconds, and what was measured then.
_Reading = tuple[int, float]


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


class _Sum:
    """A summary that grows."""

    __slots__ = ("count", "high", "low", "total")

    def __init__(self, count: int, total: float, low: float, high: float) -> None:
        self.count, self.total, self.low, self.high = count, total, low, high

    def add(self, count: int, total: float, low: float, high: float) -> None:
        self.count += count
        self.total += total
        self.low, self.high = min(self.low, low), max(self.high, high)


def plot(
    connection: sqlite3.Connection,
    device: str,
    name: str,
    from_s: float,
    to_s: float,
    points: int,
    waiting: Sequence[Waiting] = (),
) -> Plot:
    """Returns at most `points` points, oldest first, from the coarsest source that is fine enough.

    Where that source does not reach back far enough, a coarser one is taken. `waiting` is what `History.waiting`
    returned before: readings that may not be in the database yet.
    """
    if from_s >= to_s:
        return Plot("readings", 0.0, [])
    connection.execute("BEGIN")
    try:
        flush = read_meta(connection, "flush")
        fresh = [(time_ms, value) for number, times_ms, values in waiting if number > flush
                 for time_ms, value in zip(times_ms, values, strict=True)]  # fmt: skip
        row = connection.execute("SELECT id FROM series WHERE device = ? AND name = ?", (device, name)).fetchone()
        series = -1 if row is None else int(row[0])
        step_s = (to_s - from_s) / points
        wanted: Source = next((source for source, width_s in _STEPS_S if step_s >= width_s), "readings")
        source = _reaching_back(connection, series, wanted, from_s)
        if source == "readings":
            return _readings(connection, series, from_s, to_s, points, fresh)
        return _summaries(connection, series, source, from_s, to_s, points, fresh)
    finally:
        connection.execute("COMMIT")


def last_readings(connection: sqlite3.Connection, device: str) -> LastReadings:
    """Returns the newest number of each name and its Unix time, as far as single readings are kept."""
    found: LastReadings = {}
    for name, series in connection.execute("SELECT name, id FROM series WHERE device = ?", (device,)).fetchall():
        row = connection.execute(f"SELECT days.day {_BLOCKS} ORDER BY days.day DESC LIMIT 1",
                                 (series,)).fetchone()  # fmt: skip
        if row is not None:
            readings = _unpacked(connection, series, row[0] * DAY_MS, (row[0] + 1) * DAY_MS)
            # Of one moment, the last.
            time_ms, value = max(reversed(list(readings)), key=lambda reading: reading[0])
            found[name] = (value, time_ms / 1000)
    return found


def states(
    connection: sqlite3.Connection,
    device: str,
    name: str,
    from_s: float,
    to_s: float,
    waiting: Sequence[State] = (),
) -> list[State]:
    """Returns the changes of a text or truth value, oldest first, with the one that was in force at the beginning.

    Of more than `POINTS_MAX`, the newest.
    `waiting` is what `History.waiting_states` returned before: changes that may not be in the database yet.
    """
    found = _stored_states(connection, device, name, from_s, to_s)
    changed: list[State] = []
    # What is written meanwhile is in both; of what came in the same millisecond, the last is so.
    for state in sorted((dict(found) | {time_s: value for time_s, value in waiting if time_s < to_s}).items()):
        if changed and state[0] <= from_s:
            changed.pop()
        if not changed or changed[-1][1] != state[1]:
            changed.append(state)
    return changed


def _stored_states(connection: sqlite3.Connection, device: str, name: str, from_s: float, to_s: float) -> list[State]:
    row = connection.execute("SELECT id FROM series WHERE device = ? AND name = ?", (device, name)).fetchone()
    if row is None:
        return []
    (before,) = connection.execute(
        "SELECT max(time_ms) FROM states WHERE series = ? AND time_ms <= ?", (row[0], int(from_s * 1000))
    ).fetchone()
    first_ms = int(from_s * 1000) if before is None else before
    rows = connection.execute(
        "SELECT time_ms, value FROM states WHERE series = ? AND time_ms >= ? AND time_ms < ?"
        " ORDER BY time_ms DESC, number DESC LIMIT ?",
        (row[0], first_ms, int(to_s * 1000), POINTS_MAX),
    )
    return [(time_ms / 1000, msgspec.json.decode(value)) for time_ms, value in reversed(rows.fetchall())]


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
    if source == "readings":
        query, per_s = f"SELECT first_ms {_BLOCKS} ORDER BY days.day, first_ms LIMIT 1", 1000
    else:
        query, per_s = f"SELECT min(time_s) FROM {source} WHERE series = ?", 1
    row = connection.execute(query, (series,)).fetchone()
    return None if row is None or row[0] is None else row[0] / per_s


def _unpacked(connection: sqlite3.Connection, series: int, from_ms: int, to_ms: int) -> Iterator[_Reading]:
    """Yields the readings of a series between two times, block by block."""
    rows = connection.execute(
        f"SELECT block {_BLOCKS} WHERE days.day BETWEEN ? AND ? AND first_ms < ? AND last_ms >= ?",
        (series, from_ms // DAY_MS, (to_ms - 1) // DAY_MS, to_ms, from_ms),
    )
    for (block,) in rows:
        for time_ms, value in zip(*unpack(block), strict=True):
            if from_ms <= time_ms < to_ms:
                yield time_ms, value


def _readings(
    connection: sqlite3.Connection, series: int, from_s: float, to_s: float, points: int, fresh: list[_Reading]
) -> Plot:
    """Returns the readings themselves if there are few, else their summaries by equal steps."""
    from_ms, to_ms = int(from_s * 1000), int(to_s * 1000)
    found = list(_unpacked(connection, series, from_ms, to_ms))
    found += [reading for reading in fresh if from_ms <= reading[0] < to_ms]
    found.sort(key=lambda reading: reading[0])
    if len(found) <= points:
        return Plot("readings", 0.0, [Point(time_ms / 1000, value, value, value, 1) for time_ms, value in found])
    step_ms = max(1, -(-(to_ms - from_ms) // points))
    sums: dict[int, _Sum] = {}
    _add_readings(sums, found, from_ms, step_ms)
    return Plot("readings", step_ms / 1000, _points(sums, from_ms / 1000, step_ms / 1000))


def _summaries(
    connection: sqlite3.Connection,
    series: int,
    source: Source,
    from_s: float,
    to_s: float,
    points: int,
    fresh: list[_Reading],
) -> Plot:
    """Returns summaries, several to a point if there are more than points."""
    width_s = FIVE_MINUTES_S if source == "five_minutes" else HOUR_S
    # Whole summaries only: the one that `from_s` falls into belongs to the plot.
    first_s, last_s = int(from_s // width_s) * width_s, int(-(-to_s // width_s)) * width_s
    step_s = max(1, -(-(last_s - first_s) // (points * width_s))) * width_s
    grouped = connection.execute(
        "SELECT (time_s - :first_s) / :step_s AS step, sum(count), sum(sum), min(low), max(high)"
        f" FROM {source} WHERE series = :series AND time_s >= :first_s AND time_s < :last_s GROUP BY step",
        {"series": series, "first_s": first_s, "last_s": last_s, "step_s": step_s},
    )
    sums = {step: _Sum(*rest) for step, *rest in grouped}
    within = [reading for reading in fresh if first_s * 1000 <= reading[0] < last_s * 1000]
    _add_readings(sums, within, first_s * 1000, step_s * 1000)
    return Plot(source, float(step_s), _points(sums, float(first_s), float(step_s)))


def _add_readings(sums: dict[int, _Sum], readings: Iterable[_Reading], first_ms: int, step_ms: int) -> None:
    for time_ms, value in readings:
        step = (time_ms - first_ms) // step_ms
        known = sums.get(step)
        if known is None:
            sums[step] = _Sum(1, value, value, value)
        else:
            known.add(1, value, value, value)


def _points(sums: dict[int, _Sum], first_s: float, step_s: float) -> list[Point]:
    return [
        Point(first_s + step * step_s, found.total / found.count, found.low, found.high, found.count)
        for step, found in sorted(sums.items())
    ]
