"""How long the event loop stands: the processor time of each callback."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar
from unittest import mock


@dataclass
class LoopTime:
    """The longest callback so far."""

    longest_s: float = 0.0
    """Of the thread's processor time, as it were at the processor's best: other programs do not count."""
    callback: str = ""


@contextlib.contextmanager
def measured_loop() -> Iterator[LoopTime]:
    """Measures the callbacks of asyncio's own event loops while the block lasts."""
    found, is_over = LoopTime(), False
    run = asyncio.Handle._run

    def measured_run(handle: asyncio.Handle) -> None:
        began_s = time.thread_time()
        run(handle)
        took_s = time.thread_time() - began_s
        # The callback that ends the block goes on with other things.
        if took_s > found.longest_s and not is_over:
            found.longest_s, found.callback = took_s, _describe(handle)

    before = _slowness()
    with mock.patch.object(asyncio.Handle, "_run", measured_run):
        yield found
    is_over = True
    found.longest_s /= max(before, _slowness())


def _describe(handle: asyncio.Handle) -> str:
    """Returns what a callback is, of a task the coroutine that it runs."""
    task = getattr(handle._callback, "__self__", None)  # type: ignore[attr-defined]
    return repr(task.get_coro()) if isinstance(task, asyncio.Task) else repr(handle)


class _Reference:
    """Work that takes a millisecond of a processor that has nothing else to do."""

    work: ClassVar = {f"name {number}": [number, str(number), {"half": number / 2}] for number in range(400)}
    best_s: ClassVar = float("inf")


def _slowness() -> float:
    """Returns how many times longer work takes than it did at best: other programs take caches and half of a core."""
    began_s = time.thread_time()
    for _ in range(2):
        json.loads(json.dumps(_Reference.work))
    took_s = time.thread_time() - began_s
    _Reference.best_s = min(_Reference.best_s, took_s)
    return took_s / _Reference.best_s
