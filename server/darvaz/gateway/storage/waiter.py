"""Who waits until everything up to a position is written."""

from __future__ import annotations

import asyncio
import contextlib


class Waiter:
    """One coroutine that waits for a position."""

    def __init__(self, position: int) -> None:
        self.position = position
        self._loop = asyncio.get_running_loop()
        self.result: asyncio.Future[bool] = self._loop.create_future()

    def answer(self, *, is_written: bool) -> None:
        """Ends the wait; called from the writer's thread, and perhaps more than once."""
        # A loop that was closed meanwhile has nobody left who waits.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._set, is_written)

    def _set(self, is_written: bool) -> None:
        if not self.result.done():
            self.result.set_result(is_written)
