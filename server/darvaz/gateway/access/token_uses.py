"""When and from where tokens were last used: noted at once, written in the background."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable

from darvaz.gateway.storage.background_writer import BackgroundWriter
from darvaz.gateway.storage.database import transaction
from darvaz.gateway.storage.mirrored_tables import MirroredTables
from darvaz.gateway.storage.shared_database import SharedDatabase, retire

log = logging.getLogger("darvaz.access")

# Tokens whose use waits for the disk; beyond it, uses are counted as lost.
USES_WAITING_MAX = 1024
# When thousands of boards come back at once, their uses go into one transaction and not into one each.
GATHER_S = 0.1
# So with the tables in memory, but before the disk has them, where a look would take them for changes of others.
_COPY_S = GATHER_S / 4
_UPDATE = "UPDATE tokens SET last_used_s = ?, last_address = ? WHERE id = ?"


class TokenUses:
    """The uses that are not yet in the database: the newest of each token, at most `USES_WAITING_MAX`.

    A disk error refuses nobody: the uses wait and are written again. Without `open`, only `write` writes.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # Token → Unix seconds and address of its newest use: those that wait, and those being written. Under the lock.
        self._waiting: dict[str, tuple[float, str | None]] = {}
        self._writing: dict[str, tuple[float, str | None]] = {}
        # What the last transaction wrote: rows that were read before it may reach the copy after it. Replaced whole.
        self._written: dict[str, tuple[float, str | None]] = {}
        # Since the start; under the lock.
        self._noted = self._lost = 0
        # Held while a transaction runs: what is being written is in the database once it can be had.
        self._database_lock = threading.Lock()
        # The writer's own.
        self._connection: sqlite3.Connection | None = None
        self.writer: BackgroundWriter | None = None
        # The event loop's tables in memory; None where there is only the disk.
        self._copy: MirroredTables | None = None
        # The event loop's: those that the copy does not have yet.
        self._uncopied: dict[str, tuple[float, str | None]] = {}

    def open(
        self,
        open_connection: Callable[[], sqlite3.Connection],
        copy: MirroredTables | None = None,
        database: SharedDatabase | None = None,
    ) -> None:
        """Starts to write in the background, over a connection of its own; `copy` has each use soon."""
        self._copy = copy
        if copy is not None:
            copy.list_repeated = self._list_repeated

        def connect() -> None:
            self._connection = open_connection()

        def leave() -> None:
            retire(self._connection)

        self.writer = BackgroundWriter(
            "uses of tokens",
            open=connect,
            write=self._write_in_background,
            position=lambda: self._noted,
            lost=lambda: self._lost,
            write_gap=_log_gap,
            close=self._disconnect,
            database=database,
            leave=leave,
            gather_s=GATHER_S,
        )
        self.writer.start()

    def close(self, connection: sqlite3.Connection) -> None:
        """Writes what waits: in the background, or over this connection where nothing runs there."""
        self._write_copy()
        self._copy = None
        if self.writer is None:
            self.write(connection)
        else:
            self.writer.close()

    def note(self, token_id: str, unix_s: float, address: str | None) -> None:
        """Notes the use of a token. Never waits."""
        with self._lock:
            if token_id not in self._waiting and len(self._waiting) + len(self._writing) >= USES_WAITING_MAX:
                self._lost += 1
                return
            self._noted += 1
            self._waiting[token_id] = (unix_s, address)
        if self._copy is not None:
            if not self._uncopied:
                asyncio.get_running_loop().call_later(_COPY_S, self._write_copy)
            self._uncopied[token_id] = (unix_s, address)
        if self.writer is not None:
            self.writer.wake()

    def last_use_s(self, token_id: str) -> float | None:
        """Returns the Unix seconds of a use that is not yet in the tables, or None."""
        with self._lock:
            use = self._uncopied.get(token_id) or self._waiting.get(token_id) or self._writing.get(token_id)
        return use[0] if use else None

    def write(self, connection: sqlite3.Connection) -> None:
        """Writes what waits now, so that what is read next from the tables has it; a failure is logged."""
        if self._copy is not None:
            self._write_copy()
            return
        try:
            self._write(connection)
        except sqlite3.Error as error:
            log.warning("= the use of token %s could not be noted: %s", ", ".join([*self._waiting][:3]), error)

    def _write_copy(self) -> None:
        if self._copy is not None and self._uncopied:
            uses, self._uncopied = self._uncopied, {}
            self._copy.execute_many_here(_UPDATE, _rows(uses))

    def _write_in_background(self) -> int:
        assert self._connection is not None
        return self._write(self._connection)

    def _write(self, connection: sqlite3.Connection) -> int:
        """Writes what waits in one transaction; returns how many uses are written."""
        with self._database_lock:
            with self._lock:
                position = self._noted
                uses = self._writing = self._waiting
                self._waiting = {}
            try:
                if uses:
                    _update(connection, uses)
                    self._written = uses
            except sqlite3.Error:
                with self._lock:
                    self._waiting = uses | self._waiting
                raise
            finally:
                with self._lock:
                    self._writing = {}
        return position

    def _list_repeated(self) -> list[tuple[str, tuple[float, str | None, str]]]:
        """Returns the uses that rows read from the disk may lack."""
        with self._lock:
            uses = self._written | self._writing | self._waiting
        return [(_UPDATE, row) for row in _rows(uses)]

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()


def _update(connection: sqlite3.Connection, uses: dict[str, tuple[float, str | None]]) -> None:
    with transaction(connection):
        connection.executemany(_UPDATE, _rows(uses))


def _rows(uses: dict[str, tuple[float, str | None]]) -> list[tuple[float, str | None, str]]:
    return [(unix_s, address, token_id) for token_id, (unix_s, address) in uses.items()]


def _log_gap(uses: int) -> None:
    log.warning("= %d uses of tokens are not noted: the disk could not keep up", uses)
