"""Reads a file of SQLite outside of the event loop: in a few threads, each with its own connection, with a deadline."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from darvaz.gateway.storage.damage import is_damage
from darvaz.gateway.storage.reading import StoreBusyError, StoreError
from darvaz.gateway.storage.shared_database import retire

THREADS = 2
WAITING_MAX = 64
DEADLINE_S = 10.0

# The deadline is checked after this many steps of SQLite's virtual machine, which takes less than a millisecond.
_STEPS_PER_CHECK = 2_000

_View = TypeVar("_View")
_P = ParamSpec("_P")
_T = TypeVar("_T")


class ReadPool(Generic[_View]):
    """Implements `StoreReader`; at most `WAITING_MAX` reads wait, each for at most `DEADLINE_S`."""

    def __init__(
        self,
        open_connection: Callable[[], sqlite3.Connection],
        view: Callable[[sqlite3.Connection], _View],
        *,
        waiting_max: int = WAITING_MAX,
        deadline_s: float = DEADLINE_S,
        on_damage: Callable[[], None] | None = None,
    ) -> None:
        self._open_connection = open_connection
        self._view = view
        self._waiting_max = waiting_max
        self._deadline_s = deadline_s
        # Called by a thread that has found the database damaged.
        self._on_damage = on_damage
        # Reads that wait or run. The event loop's.
        self._waiting = 0
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="reader")
        # `connection`: that of the thread, and `view`, what is made of it. And all connections, to be closed.
        self._own = threading.local()
        self._connections: list[sqlite3.Connection] = []
        # Counts the files that had the name; each thread knows which one it has open.
        self._generation = 0

    async def read(self, function: Callable[Concatenate[_View, _P], _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Implements `StoreReader`."""
        if self._waiting >= self._waiting_max:
            raise StoreBusyError(f"{self._waiting_max} reads of the database wait already")
        self._waiting += 1
        until_s = time.monotonic() + self._deadline_s
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, lambda: self._run(until_s, function, *args, **kwargs))
        finally:
            self._waiting -= 1

    @property
    def waiting(self) -> int:
        """How many queries run or wait."""
        return self._waiting

    def reopen(self) -> None:
        """Has each thread open the database again: there is another file by its name. From any thread."""
        self._generation += 1

    def close(self) -> None:
        """Ends the threads; a read that runs may finish, up to its deadline."""
        self._threads.shutdown(cancel_futures=True)
        for connection in self._connections:
            connection.close()

    def _run(self, until_s: float, function: Callable[..., _T], *args: Any, **kwargs: Any) -> _T:
        try:
            connection = self._connection()
        except sqlite3.Error as error:
            raise StoreError(str(error)) from error
        connection.set_progress_handler(lambda: time.monotonic() > until_s, _STEPS_PER_CHECK)
        try:
            if time.monotonic() > until_s:
                raise StoreBusyError("the database was too busy to be read in time")
            return function(self._own.view, *args, **kwargs)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                raise StoreBusyError(f"reading took longer than {self._deadline_s:g} s; ask for less") from None
            raise StoreError(str(error)) from error
        except sqlite3.Error as error:
            if self._on_damage is not None and is_damage(error):
                self._on_damage()
            raise StoreError(str(error)) from error
        finally:
            connection.set_progress_handler(None, 0)

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._own, "connection", None)
        if connection is not None and self._own.generation != self._generation:
            self._connections.remove(connection)
            retire(connection)
            connection = None
        if connection is None:
            self._own.generation = self._generation
            connection = self._own.connection = self._open_connection()
            connection.execute("PRAGMA query_only = ON")
            self._own.view = self._view(connection)
            self._connections.append(connection)
        return connection
