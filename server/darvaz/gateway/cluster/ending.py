"""Ends tasks for certain: a wait of the client library may take a cancellation for the end of its own deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

_AGAIN_S = 0.5
_TURNS_MAX = 20


async def end_tasks(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancels tasks until all have ended, and forgets how; gives up after ten seconds."""
    left = {task for task in tasks if not task.done()}
    for _ in range(_TURNS_MAX):
        if not left:
            return
        for task in left:
            task.cancel()
        # Before Python 3.12, `wait_for` loses a cancellation that comes together with its result.
        done, left = await asyncio.wait(left, timeout=_AGAIN_S)
        for task in done:
            # Python would tell of an exception that nobody has looked at.
            _ = task.cancelled() or task.exception()
