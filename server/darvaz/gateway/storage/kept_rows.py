"""Rows of one table, each an id and a struct: what a package keeps over restarts and has in memory meanwhile."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Generic, TypeVar

import msgspec

_T = TypeVar("_T")


def new_id() -> str:
    """Returns an id that nothing else has."""
    return secrets.token_hex(6)


class Kept(Generic[_T]):
    """The rows of one table: an id, and a struct as JSON. Each change is one statement, however many rows it is of."""

    def __init__(self, connection: sqlite3.Connection, table: str, shape: type[_T]) -> None:
        self._connection = connection
        self._table = table
        self._shape = shape
        # The number of the next new row: rows are read in the order in which they came.
        self._next = 0

    def load(self) -> dict[str, _T]:
        """Returns all rows; those that a later version wrote otherwise are left out."""
        found: dict[str, _T] = {}
        for identity, text in self._connection.execute(f"SELECT id, data FROM {self._table} ORDER BY number"):
            try:
                found[identity] = msgspec.json.decode(text, type=self._shape)
            except msgspec.MsgspecError:
                continue
        return found

    def put(self, rows: Mapping[str, _T]) -> None:
        """Adds or replaces rows."""
        if not rows:
            return
        if not self._next:
            found = self._connection.execute(f"SELECT coalesce(max(number), 0) + 1 FROM {self._table}")
            self._next = found.fetchone()[0]
        numbered = enumerate(rows.items(), self._next)
        self._connection.executemany(
            f"INSERT INTO {self._table} (id, number, data) VALUES (?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET data = excluded.data",
            [(identity, number, msgspec.json.encode(row).decode()) for number, (identity, row) in numbered],
        )
        self._next += len(rows)

    def remove(self, identities: Iterable[str]) -> None:
        """Deletes rows."""
        found = [(identity,) for identity in identities]
        if found:
            self._connection.executemany(f"DELETE FROM {self._table} WHERE id = ?", found)
