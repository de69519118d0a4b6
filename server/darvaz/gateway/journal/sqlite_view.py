"""Reads the journal in a file of SQLite."""

from __future__ import annotations

import sqlite3
import zlib

from darvaz.gateway.journal import payload_search, queries, thinning
from darvaz.gateway.journal.export_lines import read_piece
from darvaz.gateway.journal.payload_search import PayloadFilter
from darvaz.gateway.journal.queries import JournalFilter, Row
from darvaz.gateway.journal.view import StoredBatch

_NEXT_BATCH = (
    "SELECT id, size, moments FROM journal_batches WHERE id + size > ? AND id < ? AND last_ms >= ? ORDER BY id LIMIT 1"
)


class SqliteJournal:
    """Implements `JournalView`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, wanted: JournalFilter, limit: int = 200, *, newest: bool = True) -> list[Row]:
        """Implements `JournalView`."""
        return queries.read(self._connection, wanted, limit, newest=newest)

    def find(
        self, wanted: JournalFilter, payload: PayloadFilter, limit: int, *, newest: bool
    ) -> tuple[list[Row], int | None]:
        """Implements `JournalView`."""
        return payload_search.find(self._connection, wanted, payload, limit, newest=newest)

    def lines(self, wanted: JournalFilter, format_: str) -> tuple[bytes, int | None]:
        """Implements `JournalView`."""
        return read_piece(self._connection, wanted, format_)

    def newest_id(self) -> int:
        """Implements `JournalView`."""
        return queries.newest_id(self._connection)

    def oldest_id(self) -> int | None:
        """Implements `JournalView`."""
        return queries.oldest_id(self._connection)

    def thinned_until(self) -> int:
        """Implements `JournalView`."""
        return thinning.thinned_until(self._connection)

    def next_batch(self, first_id: int, end_id: int, oldest_ms: int) -> StoredBatch | None:
        """Implements `JournalView`."""
        row = self._connection.execute(_NEXT_BATCH, (first_id, end_id, oldest_ms)).fetchone()
        if row is None:
            return None
        batch_id, size, moments = row
        return StoredBatch(batch_id, size, zlib.decompress(moments) if isinstance(moments, bytes) else moments.encode())
