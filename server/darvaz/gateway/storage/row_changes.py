"""Which rows of the tables in memory have changed: triggers note them, whatever statement it was."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

_NOTES = "changed_rows"


class RowChanges:
    """Notes the rows of some tables that are inserted, updated or deleted in a connection from now on.

    `keys` has the column of the key of each table. Used by the thread of the connection only.
    """

    def __init__(self, connection: sqlite3.Connection, keys: Mapping[str, str]) -> None:
        self._connection = connection
        self._execute(f"CREATE TEMP TABLE {_NOTES} (name TEXT, key, PRIMARY KEY (name, key)) WITHOUT ROWID")
        for table, key in keys.items():
            for verb, row in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
                self._execute(
                    f"CREATE TEMP TRIGGER {_NOTES}_{table}_{verb} AFTER {verb} ON main.{table} BEGIN"
                    f" INSERT OR IGNORE INTO {_NOTES} VALUES ('{table}', {row}.{key}); END"
                )

    def _execute(self, sql: str) -> sqlite3.Cursor:
        # Not the method of a subclass, which may write to a disk as well.
        return sqlite3.Connection.execute(self._connection, sql)

    def take(self) -> list[tuple[str, Any]]:
        """Returns the table and key of each row that has changed since the last call."""
        found = self._execute(f"SELECT name, key FROM {_NOTES}").fetchall()
        if found:
            self._execute(f"DELETE FROM {_NOTES}")
        return found
