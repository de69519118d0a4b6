"""How long the event loop stands: the processor time of each callback."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from unittest import mock


@dataclass
class LoopTime:
    """The longest callback so far."""

    longest_s: float = 0.0
    """Of the thread's processor time: other programs do not count."""
    callback: str = ""


@contextlib.contextmanager
def measured_loop() -> Iterator[LoopTime]:
    """Measures the callbacks of asyncio's own event loops while the block lasts."""
    found = LoopTime()
    run = asyncio.Handle._run

    def measured_run(handle: asyncio.Handle) -> None:
        began_s = time.thread_time()
        run(handle)
        took_s = time.thread_time() - began_s
        if took_s > found.longest_s:
            found.longest_s, found.callback = took_s, repr(handle)

    with mock.patch.object(asyncio.Handle, "_run", measured_run):
        yield found
