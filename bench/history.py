"""The time of a history plot over HTTP: one of 50 boards, a month with a reading every 10 s.

    python -m bench.history [--boards 50] [--days 30] [--every-s 10] [--rounds 20]

Writes the month with the gateway's own writer (a minute or two), deletes what the gateway would have deleted,
starts a gateway with it, and requests plots of one board. The baseline is the same month without summaries: all
readings of that board, grouped by SQLite.
"""

from __future__ import annotations

import argparse
import math
import sqlite3
import statistics
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from darvaz.gateway.storage.database import open_database
from darvaz.gateway.stores import history_store
from darvaz.gateway.telemetry.history import History
from darvaz.gateway.telemetry.history_schema import DATABASE_NAME
from darvaz.gateway.telemetry.history_tables import Retention
from darvaz.pytest_plugin.gateway_process import GatewayProcess

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
POINTS = 500


def write_month(folder: Path, args: argparse.Namespace, now_s: float) -> tuple[int, float]:
    """Writes the month; returns the number of readings and the seconds it took."""
    history = History(partial(history_store, folder), Retention(), unix_s=lambda: now_s)
    began_s, count = time.monotonic(), 0
    time_s = now_s - args.days * DAY_S
    while time_s < now_s:
        # A batch has the readings of ten minutes, boards in turn.
        for _ in range(round(600 / args.every_s)):
            for board in range(args.boards):
                history.record(f"board-{board}", time_s, {"temperature": 20 + 5 * math.sin(time_s / 9000 + board)})
            count += args.boards
            time_s += args.every_s
        history.flush_now()
        history.writer.write_once()
    took_s = time.monotonic() - began_s
    history.retain()
    history.close()
    return count, took_s


def add_boards(folder: Path, boards: int) -> None:
    """Writes the boards into the table of devices, so that the gateway has them."""
    connection = open_database(folder)
    connection.executemany(
        "INSERT INTO devices (id, kind, first_seen_s, last_seen_s, address, introduction)"
        " VALUES (?, 'pico', 0, 0, '', '{}')",
        [(f"board-{board}",) for board in range(boards)],
    )
    connection.close()


def median_ms(rounds: int, request: Callable[[], object]) -> tuple[float, float]:
    """Returns the median and the longest time of a request, in milliseconds."""
    times_ms = []
    for _ in range(rounds):
        began_s = time.perf_counter()
        request()
        times_ms.append((time.perf_counter() - began_s) * 1000)
    return statistics.median(times_ms), max(times_ms)


def baseline_ms(args: argparse.Namespace, now_s: float) -> tuple[float, float]:
    """Times the plot without summaries: a month of one board's readings, grouped as they are read."""
    with TemporaryDirectory() as folder, sqlite3.connect(Path(folder) / "plain.sqlite3") as connection:
        connection.execute("CREATE TABLE readings (board INTEGER, time_ms INTEGER, value REAL)")
        connection.execute("CREATE INDEX by_board ON readings (board, time_ms)")
        steps = range(int(args.days * DAY_S / args.every_s))
        rows = (
            (board, int((now_s - step * args.every_s) * 1000), 20.0)
            for step in reversed(steps)
            for board in range(min(5, args.boards))
        )
        connection.executemany("INSERT INTO readings VALUES (?, ?, ?)", rows)
        step_ms = int(args.days * DAY_S * 1000 / POINTS)
        query = (
            f"SELECT time_ms / {step_ms} AS step, avg(value), min(value), max(value)"
            " FROM readings WHERE board = 0 GROUP BY step"
        )
        return median_ms(3, lambda: connection.execute(query).fetchall())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--boards", type=int, default=50)
    parser.add_argument("--days", type=float, default=30)
    parser.add_argument("--every-s", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=20)
    args = parser.parse_args()
    now_s = time.time()
    with TemporaryDirectory() as base:
        folder = Path(base) / "data"
        add_boards(folder, args.boards)
        count, took_s = write_month(folder, args, now_s)
        size_mb = (folder / DATABASE_NAME).stat().st_size / 1e6
        print(f"{count:,} readings written in {took_s:.0f} s ({count / took_s:,.0f}/s); {size_mb:.0f} MB on disk")
        with (
            closing(GatewayProcess(folder, Path(base) / "log.txt")) as gateway,
            httpx.Client(base_url=gateway.url, trust_env=False) as client,
        ):
            gateway.start()
            for name, span_s in (("month", args.days * DAY_S), ("week", 7 * DAY_S), ("day", DAY_S), ("hour", HOUR_S)):
                path = f"/api/devices/board-7/telemetry/temperature?from={now_s - span_s}&to={now_s}&points={POINTS}"
                plot = client.get(path).json()
                middle_ms, worst_ms = median_ms(args.rounds, lambda path=path: client.get(path))  # type: ignore[misc]
                source = f"{len(plot['points'])} points from {plot['source']}"
                print(f"{name:6} {middle_ms:7.1f} ms  (worst {worst_ms:.1f})  {source}")
    middle_ms, worst_ms = baseline_ms(args, now_s)
    print(f"baseline, the month without summaries: {middle_ms:.1f} ms (worst {worst_ms:.1f})")


if __name__ == "__main__":
    main()
