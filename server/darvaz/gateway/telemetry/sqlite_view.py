"""Reads the history in a file of SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from darvaz.gateway.telemetry import history_queries
from darvaz.gateway.telemetry.export import Portion, ReadingFilter, read_portion
from darvaz.gateway.telemetry.history_queries import Plot
from darvaz.gateway.telemetry.report_queue import LastReadings, State, Waiting
from darvaz.gateway.telemetry.text_export import TextPortion, read_texts


class SqliteHistory:
    """Implements `HistoryView`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def last_readings(self, device: str) -> LastReadings:
        """Implements `HistoryView`."""
        return history_queries.last_readings(self._connection, device)

    def plot(
        self, device: str, name: str, from_s: float, to_s: float, points: int, waiting: Sequence[Waiting] = ()
    ) -> Plot:
        """Implements `HistoryView`."""
        return history_queries.plot(self._connection, device, name, from_s, to_s, points, waiting)

    def states(self, device: str, name: str, from_s: float, to_s: float, waiting: Sequence[State] = ()) -> list[State]:
        """Implements `HistoryView`."""
        return history_queries.states(self._connection, device, name, from_s, to_s, waiting)

    def portion(self, wanted: ReadingFilter, after: Portion | None) -> Portion | None:
        """Implements `HistoryView`."""
        return read_portion(self._connection, wanted, after)

    def texts(self, wanted: ReadingFilter, after: TextPortion | None) -> TextPortion | None:
        """Implements `HistoryView`."""
        return read_texts(self._connection, wanted, after)
