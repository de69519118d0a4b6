"""A history that is written when a test says so, and read back."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path

from darvaz.gateway.telemetry.history import History
from darvaz.gateway.telemetry.history_queries import Plot, plot
from darvaz.gateway.telemetry.history_schema import open_history
from darvaz.gateway.telemetry.history_tables import (
    HistoryTables,
    Retention,
)
from darvaz.gateway.telemetry.recent import Reports, Value
from darvaz.gateway.telemetry.sqlite_store import SqliteHistoryStore

DAY_S = 86_400.0
# The start of a day, and so of an hour and of five minutes.
NOON_S = 20_000 * DAY_S


class Kept:
    """A history that the test writes itself, without its thread, and reads."""

    def __init__(self, folder: Path, retention: Retention | None = None, tables: HistoryTables | None = None) -> None:
        self.now_s = NOON_S
        self.connection = open_history(folder)
        self.tables = tables or HistoryTables()
        store = SqliteHistoryStore(self.connection, self.tables)
        self.history = History(lambda: store, retention, unix_s=lambda: self.now_s)

    def record(self, device: str, time_s: float, **values: Value) -> None:
        self.history.record(device, time_s, values)

    def record_all(self, device: str, timed: Iterable[tuple[float, dict[str, Value]]]) -> None:
        """Records many reports, a thousand at a time."""
        left = iter(timed)
        while some := list(itertools.islice(left, 1_000)):
            reports = Reports(device)
            for time_s, values in some:
                reports.add(int(time_s * 1000), values)
            self.history.record_all(reports)

    def fill(self, device: str, time_s: float, count: int) -> None:
        """Records as many reports of one moment."""
        self.record_all(device, itertools.repeat((time_s, {"t": 1.0}), count))

    def write(self) -> None:
        self.history.flush_now()
        self.history.writer.write_once()

    def retain(self) -> None:
        self.history.retain()

    def plot(self, device: str, name: str, from_s: float, to_s: float, points: int = 500) -> Plot:
        return plot(self.connection, device, name, from_s, to_s, points, self.history.waiting(device, name))

    def count(self, table: str) -> int:
        counted = "sum(count)" if table == "readings" else "count(*)"
        return int(self.connection.execute(f"SELECT {counted} FROM {table}").fetchone()[0] or 0)
