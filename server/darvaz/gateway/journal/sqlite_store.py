"""Writes the journal into a file of SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from darvaz.gateway.journal.batches import EntryGroup, insert_batch, next_id, store_record
from darvaz.gateway.journal.retention import JournalRetention
from darvaz.gateway.journal.starts import begin
from darvaz.gateway.storage.database import path_of, sync_wal, transaction
from darvaz.gateway.storage.sequences import Sequences
from darvaz.gateway.storage.shared_database import retire
from darvaz.gateway.storage.taken import Taken, drop_oldest, load_taken, write_taken


class SqliteJournalStore:
    """Implements `JournalStore` over a connection that is its own; `redact` takes the tokens out of payloads."""

    def __init__(self, connection: sqlite3.Connection, redact: Callable[[str], str] = str) -> None:
        self._connection = connection
        self._path = path_of(connection)
        self._redact = redact

    def next_id(self) -> int:
        """Implements `JournalStore`."""
        return next_id(self._connection)

    def begin(self) -> tuple[int, bool, int]:
        """Implements `JournalStore`."""
        return begin(self._connection)

    def taken(self) -> Sequences:
        """Implements `JournalStore`."""
        with transaction(self._connection):
            drop_oldest(self._connection)
        return load_taken(self._connection)

    def write(self, first_id: int, batches: Sequence[Sequence[EntryGroup]], taken: Sequence[Taken]) -> int:
        """Implements `JournalStore`."""
        rows = 0
        with transaction(self._connection):
            for groups in batches:
                rows += insert_batch(self._connection, first_id + rows, groups, self._redact)
            write_taken(self._connection, taken)
        return rows

    def write_record(self, record: bytes) -> None:
        """Implements `JournalStore`."""
        store_record(self._connection, record, self._redact)

    def sync(self) -> None:
        """Implements `JournalStore`."""
        sync_wal(self._path)

    def tidy(self, retention: JournalRetention) -> None:
        """Implements `JournalStore`."""
        retention.apply(self._connection)

    def leave(self) -> None:
        """Implements `JournalStore`."""
        retire(self._connection)

    def close(self) -> None:
        """Implements `JournalStore`."""
        self._connection.close()
