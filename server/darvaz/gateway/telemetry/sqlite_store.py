"""Writes the history into a file of SQLite."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable

from darvaz.gateway.storage.database import transaction
from darvaz.gateway.storage.sequences import Sequences
from darvaz.gateway.storage.taken import load_taken
from darvaz.gateway.telemetry.history_schema import read_meta, write_meta
from darvaz.gateway.telemetry.history_tables import HistoryTables, Retention, give_back
from darvaz.gateway.telemetry.newest import Newest, load_newest
from darvaz.gateway.telemetry.recent import Recent


class SqliteHistoryStore:
    """Implements `HistoryStore` over a connection that is its own."""

    def __init__(self, connection: sqlite3.Connection, tables: HistoryTables | None = None) -> None:
        self._connection = connection
        self._tables = tables or HistoryTables()
        self.series_max = self._tables.series_max
        # Whether the tables know which series there are: a transaction that failed has taken new ones back.
        self._is_loaded = False
        try:
            # A flush is durable before its records are released.
            connection.execute("PRAGMA synchronous = FULL")
        except sqlite3.Error:
            connection.close()
            raise

    def position(self) -> tuple[int, int]:
        """Implements `HistoryStore`."""
        return read_meta(self._connection, "record"), read_meta(self._connection, "flush")

    def newest(self) -> dict[str, Newest]:
        """Implements `HistoryStore`."""
        return load_newest(self._connection)

    def taken(self) -> Sequences:
        """Implements `HistoryStore`."""
        return load_taken(self._connection)

    def write(self, recent: Recent, newest: Callable[[str], Newest], record: int) -> int:
        """Implements `HistoryStore`."""
        self._load()
        self._is_loaded = False
        with transaction(self._connection):
            refused = self._tables.store(self._connection, recent, newest)
            write_meta(self._connection, "record", record)
            write_meta(self._connection, "flush", recent.number)
        self._is_loaded = True
        return refused

    def retain(self, kept: Retention, unix_s: float, *, by_age: bool) -> bool:
        """Implements `HistoryStore`."""
        self._load()
        self._is_loaded = False
        with transaction(self._connection):
            if by_age:
                self._tables.retain(self._connection, kept, unix_s)
            is_cut = self._tables.cut(self._connection, kept.bytes_max)
        self._is_loaded = True
        give_back(self._connection)
        return is_cut

    def oldest_ms(self) -> int | None:
        """Implements `HistoryStore`."""
        (found,) = self._connection.execute(
            "SELECT min(first_ms) FROM readings WHERE day = (SELECT min(day) FROM readings)"
        ).fetchone()
        return None if found is None else int(found)

    def close(self) -> None:
        """Implements `HistoryStore`."""
        # A damaged file may refuse its last write.
        with contextlib.suppress(sqlite3.DatabaseError):
            self._connection.close()

    def _load(self) -> None:
        if not self._is_loaded:
            self._tables.load(self._connection)
            self._is_loaded = True
