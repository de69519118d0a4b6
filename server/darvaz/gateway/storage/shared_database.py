"""One database that several threads write, each over a connection of its own: a damaged file is replaced for all.

A thread holds `lock` while it writes, so that nothing goes into a file that was moved aside. `generation` counts the
files: a thread that finds another one leaves its connection and opens a new one.
"""

from __future__ import annotations

import ctypes
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

from darvaz.gateway.storage.damage import NOTES_MAX, DamagedError, FileWatch, check, is_damage, move_aside
from darvaz.gateway.storage.database import DATABASE_NAME, StorageError, open_database, transaction, write_setting
from darvaz.gateway.storage.folder_sync import sync_folder
from darvaz.gateway.storage.salvage import copy_readable

log = logging.getLogger("darvaz.storage")

_FRESH_NAME = f"{DATABASE_NAME}.fresh"
# What is read at the start to see whether the file is sound; the rest is read when it is needed.
_PROBES = (
    "SELECT count(*) FROM sqlite_master",
    "SELECT * FROM tokens",
    "SELECT * FROM settings",
    "SELECT * FROM devices",
    "SELECT * FROM sequences",
    # One at a time: asked for together, SQLite would read all.
    "SELECT max(id) FROM journal_batches",
    "SELECT min(id) FROM journal_batches",
    "SELECT max(batch) FROM journal_index",
    "SELECT min(batch) FROM journal_index",
    "SELECT max(batch) FROM journal_rare",
)

# Writes into a fresh database what memory has of the tables that could not be read whole.
Rescue = Callable[[sqlite3.Connection, list[str]], None]


class SharedDatabase:
    """The database of a data folder."""

    def __init__(self, folder: Path, unix_s: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._path = folder / DATABASE_NAME
        self._unix_s = unix_s
        self._watch = FileWatch(self._path)
        # What a check has found; the next writer replaces the file. Set by the thread of the check.
        self._damage: DamagedError | None = None
        self._checking: threading.Thread | None = None
        self.lock = threading.RLock()
        """Held while one of the threads writes, or the file is replaced."""
        self.generation = 0
        """How often the file was replaced. Changes under the lock."""
        self.notes: list[str] = []
        """What was damaged and replaced since the start, a sentence each."""
        self.rescues: list[Rescue] = []
        """Are called for each fresh file, before it takes the place of the damaged one."""
        self.on_replaced: Callable[[str], None] = _ignore
        """Is called, by one of the threads, with what has happened."""

    def open(self) -> sqlite3.Connection:
        """Opens the file; raises `StorageError`."""
        return open_database(self._folder)

    def open_at_start(self) -> sqlite3.Connection:
        """Opens the file, replaced first if it is damaged; raises `StorageError` if it cannot be used."""
        try:
            connection = self._open_probed()
        except (sqlite3.Error, StorageError) as error:
            note = self.mend(error)
            if note is None:
                raise
            log.error("= %s", note)
            connection = self.open()
        self._watch.note()
        return connection

    def _open_probed(self) -> sqlite3.Connection:
        connection = self.open()
        try:
            for probe in _PROBES:
                connection.execute(probe).fetchall()
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    # While it is used

    def suspect(self) -> None:
        """Has the file checked in a thread of its own: somebody could not read it, or somebody else wrote it."""
        if self._checking is None or not self._checking.is_alive():
            self._checking = threading.Thread(target=self._check, name="database check", daemon=True)
            self._checking.start()

    def look(self) -> None:
        """Raises `DamagedError` if the file is gone, or a check has found it damaged; a change by others is checked.

        Called before each write, under the lock.
        """
        damage, self._damage = self._damage, None
        if damage is not None:
            raise damage
        self._watch.check_place()
        if self._watch.is_changed():
            self._watch.note()
            self.suspect()

    def note_written(self) -> None:
        """Takes the file as it is now for the gateway's own, unless it is gone; called after each write."""
        self._watch.note_written()

    def mend(self, error: Exception) -> str | None:
        """Replaces the file if the error says that it is damaged; returns what happened, for people.

        Raises what the disk raises; the file is then as it was.
        """
        with self.lock:
            if not is_damage(error) or len(self.notes) >= NOTES_MAX:
                return None
            note = self._replace()
            self.generation += 1
            self.notes.append(note)
            # What a check has found meanwhile was in the file before.
            self._damage = None
            self._watch.note()
            self.on_replaced(note)
            return note

    def _check(self) -> None:
        generation = self.generation
        try:
            check(self._path)
        except DamagedError as error:
            with self.lock:
                self._damage = error if self.generation == generation else None
        except sqlite3.Error as error:
            log.warning("= %s could not be checked: %s", self._path.name, error)

    def _replace(self) -> str:
        fresh = self._folder / _FRESH_NAME
        for path in self._folder.glob(f"{_FRESH_NAME}*"):
            path.unlink()
        connection = open_database(self._folder, _FRESH_NAME)
        try:
            with transaction(connection):
                lacking = copy_readable(self._path, connection)
                # A gateway without devices would let new boards fetch tokens.
                write_setting(connection, "enrolment_was_opened", "1")
            for rescue in self.rescues:
                rescue(connection, lacking)
            is_empty = connection.execute("SELECT 1 FROM tokens").fetchone() is None
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            connection.close()
        saved = "its tokens are lost: restore a backup" if is_empty and "tokens" in lacking else "tokens were saved"
        note = move_aside(self._path, "journal", self._unix_s(), saved)
        fresh.rename(self._path)
        sync_folder(self._folder)
        return note


def retire(connection: sqlite3.Connection | None) -> None:
    """Leaves a connection to a file that was moved aside, open until the process ends.

    The last connection that SQLite closes deletes the write-ahead log by its name, and that is the new file's.
    """
    if connection is not None:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))


def _ignore(note: str) -> None:
    """Stands where nobody listens."""
