"""Takes what can still be read out of a damaged database: the small tables that nobody can make again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

# All tables but the journal's, which is large, and stays in the damaged file.
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'journal%' AND name NOT LIKE 'sqlite%'"


def copy_readable(damaged: Path, fresh: sqlite3.Connection) -> list[str]:
    """Copies the rows that can be read into an open database, in its transaction; returns the tables that lack some."""
    tables = [name for (name,) in fresh.execute(_TABLES).fetchall()]
    if not damaged.exists():
        return tables
    with closing(sqlite3.connect(f"{damaged.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)) as source:
        return [table for table in tables if not _copy(source, fresh, table)]


def _copy(source: sqlite3.Connection, fresh: sqlite3.Connection, table: str) -> bool:
    """Copies a table from its beginning, and where that breaks off from its end; says whether it is whole."""
    known = _columns(fresh, table)
    for order in ("ASC", "DESC"):
        try:
            for names, row in _rows(source, table, order):
                values = dict(zip(names, row, strict=True))
                wanted = [name for name in known if name in values]
                _insert(fresh, table, wanted, [values[name] for name in wanted])
            return order == "ASC"
        except sqlite3.DatabaseError:
            continue
    return False


def _rows(source: sqlite3.Connection, table: str, order: str) -> Iterator[tuple[list[str], tuple[Any, ...]]]:
    cursor = source.execute(f"SELECT * FROM {table} ORDER BY 1 {order}")
    names = [column[0] for column in cursor.description]
    for row in cursor:
        yield names, row


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [name for (name,) in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))]


def _insert(fresh: sqlite3.Connection, table: str, names: Sequence[str], values: Sequence[Any]) -> None:
    places = ", ".join("?" * len(names))
    # Damage may have made something else of a row.
    with suppress(sqlite3.IntegrityError):
        fresh.execute(f"INSERT OR IGNORE INTO {table} ({', '.join(names)}) VALUES ({places})", values)
