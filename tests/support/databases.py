"""New data folders in a moment: databases without rows are made once in a process, and copied.

Making their tables takes as long as most short tests. What makes them is tested where the databases are.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from functools import cache
from pathlib import Path

from darvaz.gateway.journal.sqlite_store import SqliteJournalStore
from darvaz.gateway.storage.database import DATABASE_NAME, make_folder, open_database
from darvaz.gateway.telemetry.history_schema import DATABASE_NAME as HISTORY_NAME
from darvaz.gateway.telemetry.history_schema import open_history
from darvaz.gateway.telemetry.sqlite_store import SqliteHistoryStore


def open_journal(folder: Path) -> SqliteJournalStore:
    """Opens the database of a data folder as what a journal writes into."""
    return SqliteJournalStore(open_database(folder))


def open_history_store(folder: Path) -> SqliteHistoryStore:
    """Opens the history of a data folder as what a history writes into."""
    return SqliteHistoryStore(open_history(folder))


def open_new_database(folder: Path) -> sqlite3.Connection:
    """Opens the database of a data folder that has none yet."""
    put_new_database(folder)
    return open_database(folder)


def put_new_database(folder: Path) -> None:
    """Puts a database into a data folder that has none yet, and makes the folder if need be."""
    make_folder(folder)
    _put(folder / DATABASE_NAME, _new_database())


def put_new_history(folder: Path) -> None:
    """Puts the database of the history into a data folder that has none yet."""
    _put(folder / HISTORY_NAME, _new_history())


def _put(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


@cache
def _new_database() -> bytes:
    with tempfile.TemporaryDirectory() as name:
        open_database(Path(name)).close()
        return Path(name, DATABASE_NAME).read_bytes()


@cache
def _new_history() -> bytes:
    with tempfile.TemporaryDirectory() as name:
        open_history(Path(name)).close()
        return Path(name, HISTORY_NAME).read_bytes()
