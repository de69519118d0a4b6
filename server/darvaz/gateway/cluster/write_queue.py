"""Writes to NATS in the background: the newest wish for each key, many keys at once, until each has succeeded."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from darvaz.gateway.cluster.connection import ClusterError, NatsConnection
from darvaz.gateway.cluster.ending import end_tasks

# Writes that wait for their acknowledgement at the same time.
AT_ONCE_MAX = 256
_RETRY_S = 0.2

_T = TypeVar("_T")


class WriteQueue(Generic[_T]):
    """What is to be written, by key; of several for one key only the newest waits. Used from the event loop only.

    `write` raises `ClusterError` where it must be tried again.
    """

    def __init__(self, write: Callable[[NatsConnection, str, _T], Awaitable[None]]) -> None:
        self._write = write
        self._waiting: dict[str, _T] = {}
        # Keys whose write is under way: the next one waits for its end.
        self._busy: set[str] = set()
        self._changed = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._busy)

    def __contains__(self, key: str) -> bool:
        return key in self._waiting or key in self._busy

    def want(self, key: str, what: _T) -> None:
        """Has something written under a key, in place of what waits there."""
        self._waiting.pop(key, None)
        self._waiting[key] = what
        self._is_idle.clear()
        self._changed.set()

    async def wait_until_written(self) -> None:
        """Waits until nothing is left to be written."""
        await self._is_idle.wait()

    async def run(self, connection: NatsConnection) -> None:
        """Writes until it is cancelled; what is not written then waits for another connection."""
        tasks: set[asyncio.Task[None]] = set()

        def finish(task: asyncio.Task[None]) -> None:
            tasks.discard(task)
            # Not before: another one can begin now.
            self._changed.set()

        try:
            while True:
                self._changed.clear()
                free = (key for key in self._waiting if key not in self._busy)
                for key in list(itertools.islice(free, AT_ONCE_MAX - len(tasks))):
                    self._busy.add(key)
                    job = self._write_one(connection, key, self._waiting.pop(key))
                    task = asyncio.get_running_loop().create_task(job)
                    tasks.add(task)
                    task.add_done_callback(finish)
                await self._changed.wait()
        finally:
            await end_tasks(tasks)

    async def _write_one(self, connection: NatsConnection, key: str, what: _T) -> None:
        is_written = False
        try:
            await self._write(connection, key, what)
            is_written = True
        except ClusterError:
            # A leader is chosen, or the connection is over.
            self._put_back(key, what)
            is_written = True
            await asyncio.sleep(_RETRY_S)
        finally:
            if not is_written:
                self._put_back(key, what)
            self._busy.discard(key)
            if not len(self):
                self._is_idle.set()

    def _put_back(self, key: str, what: _T) -> None:
        self._waiting.setdefault(key, what)
