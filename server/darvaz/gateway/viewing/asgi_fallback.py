"""An outlet over plain ASGI messages, for servers that lend no transport: slower, with a task for each viewer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


class AsgiSender:
    """Sends one packet at a time; while one is on its way it counts as buffered, and there is never a second."""

    def __init__(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        self._send = send
        self._packet = b""
        self._wake = asyncio.Event()
        self._is_aborted = asyncio.Event()

    def write(self, packet: bytes) -> None:
        self._packet = packet
        self._wake.set()

    def buffered_bytes(self) -> int:
        return len(self._packet)

    def abort(self, reason: str) -> None:
        self._is_aborted.set()

    async def run(self, gone: Awaitable[None]) -> bool:
        """Sends what is written until the peer is `gone` or cut off; returns whether it was cut off."""
        tasks = [asyncio.ensure_future(wait) for wait in (gone, self._send_all(), self._is_aborted.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return self._is_aborted.is_set()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _send_all(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._send(self._packet)
            self._packet = b""
