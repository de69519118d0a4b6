"""Reads the journal of a data folder from outside of the gateway: the database, and what waits in the record log."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from darvaz.gateway.journal.batches import fields_of, unpack
from darvaz.gateway.journal.queries import JournalFilter, Row, matches, newest_id, read
from darvaz.gateway.storage.record_log import read_records
from darvaz.gateway.storage.recorder import JOURNAL


class OfflineJournal:
    """The journal of a data folder, whether its gateway runs or not."""

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        self._folder = folder
        self._connection = connection

    def read(self, filter_: JournalFilter, limit: int, *, newest: bool = True) -> list[Row]:
        """Returns at most `limit` rows that match, in order of time: the newest, or the oldest."""
        # The record log first: what goes into the database meanwhile is then in one of both, or in both.
        waiting = list(self._waiting())
        stored_id = newest_id(self._connection)
        found = read(self._connection, filter_, limit, newest=newest)
        found += [row for row in waiting if row.id > stored_id and matches(row, filter_)]
        return found[-limit:] if newest else found[:limit]

    def newest_id(self) -> int:
        """Returns the id of the newest row, 0 without one."""
        return max((row.id for row in self._waiting()), default=0) or newest_id(self._connection)

    def _waiting(self) -> Iterator[Row]:
        for record in read_records(self._folder):
            if record.kind == JOURNAL:
                entry_id, groups, _ = unpack(record.data)
                for fields in itertools.chain.from_iterable(map(fields_of, groups)):
                    yield Row(entry_id, *fields)
                    entry_id += 1
