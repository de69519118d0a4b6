"""Reading a database beside the event loop: a few threads, each with a connection of its own and a deadline."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Concatenate, ParamSpec, TypeVar

THREADS = 2
WAITING_MAX = 64
DEADLINE_S = 10.0

# SQLite asks whether to go on after so many of its own steps: often enough, and it costs nothing.
_STEPS_PER_LOOK = 2_000

_P = ParamSpec("_P")
_T = TypeVar("_T")


class ReadPoolBusyError(Exception):
    """Too many readings wait, or one took too long; trying again later is right."""


class ReadPool:
    """Runs readings of one database in threads; at most `WAITING_MAX` wait, each `DEADLINE_S` at most."""

    def __init__(
        self,
        open_connection: Callable[[], sqlite3.Connection],
        *,
        waiting_max: int = WAITING_MAX,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._open_connection = open_connection
        self._waiting_max = waiting_max
        self._deadline_s = deadline_s
        self._waiting = 0
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="reader")
        self._own = threading.local()
        self._connections: list[sqlite3.Connection] = []

    async def read(
        self, function: Callable[Concatenate[sqlite3.Connection, _P], _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        """Returns `function(connection, …)`; raises `ReadPoolBusyError` when it cannot be had in time."""
        if self._waiting >= self._waiting_max:
            raise ReadPoolBusyError(f"{self._waiting_max} readings of the database wait already")
        self._waiting += 1
        until_s = time.monotonic() + self._deadline_s
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, lambda: self._run(until_s, function, *args, **kwargs))
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Ends the threads; a reading that runs is let finish, up to its deadline."""
        self._threads.shutdown(cancel_futures=True)
        for connection in self._connections:
            connection.close()

    def _run(self, until_s: float, function: Callable[..., _T], *args: Any, **kwargs: Any) -> _T:
        connection = self._connection()
        connection.set_progress_handler(lambda: time.monotonic() > until_s, _STEPS_PER_LOOK)
        try:
            if time.monotonic() > until_s:
                raise ReadPoolBusyError("the database was too busy to be read in time")
            return function(connection, *args, **kwargs)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                raise ReadPoolBusyError(f"reading took longer than {self._deadline_s:g} s; ask for less") from None
            raise
        finally:
            connection.set_progress_handler(None, 0)

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = self._open_connection()
            connection.execute("PRAGMA query_only = ON")
            self._connections.append(connection)
        return connection
