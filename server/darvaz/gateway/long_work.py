"""Long work of the event loop in slices, so that links wait for one slice at most."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import TypeVar

SLICE_S = 0.002

_T = TypeVar("_T")


class LongWork:
    """Runs one slice of one piece of work in a turn of the event loop. Used from the event loop only."""

    def __init__(self, monotonic_s: Callable[[], float] = time.perf_counter) -> None:
        self._monotonic_s = monotonic_s
        # Held for a slice and the turn after it: the slices of several callers do not add up.
        self._turn = asyncio.Lock()
        # When the slice ends that began last: what follows in the same turn has the rest of it.
        self._until_s = 0.0

    async def collect(self, results: Iterator[_T]) -> list[_T]:
        """Returns all results of an iterator; a slice ends with the result that is ready after `SLICE_S`."""
        found: list[_T] = []
        while True:
            async with self._turn:
                if self._fill(found, results):
                    return found
                await asyncio.sleep(0)

    def _fill(self, found: list[_T], results: Iterator[_T]) -> bool:
        """Takes results until the slice is over; returns whether these were all."""
        now_s = self._monotonic_s()
        if now_s >= self._until_s:
            self._until_s = now_s + SLICE_S
        for result in results:
            found.append(result)
            if self._monotonic_s() >= self._until_s:
                return False
        return True


class WorkQueue:
    """Runs pieces of work one after the other, in slices: the first begins at once. Used from the event loop only.

    Unlike `LongWork`, nobody has to wait for it.
    """

    def __init__(self, monotonic_s: Callable[[], float] = time.perf_counter) -> None:
        self._monotonic_s = monotonic_s
        self._pieces: deque[Iterator[None]] = deque()

    def add(self, steps: Iterator[None]) -> None:
        """Runs a piece of work after those that were added before; a slice ends after a step of it."""
        self._pieces.append(steps)
        if len(self._pieces) == 1:
            self._go_on()

    async def wait(self) -> None:
        """Returns once all is done that was added."""
        done = asyncio.Event()

        def last() -> Iterator[None]:
            done.set()
            yield

        self.add(last())
        await done.wait()

    def _go_on(self) -> None:
        until_s = self._monotonic_s() + SLICE_S
        try:
            while self._pieces and self._is_done(until_s):
                self._pieces.popleft()
        except Exception:
            # What failed is over; the others go on.
            self._pieces.popleft()
            raise
        finally:
            if self._pieces:
                asyncio.get_running_loop().call_soon(self._go_on)

    def _is_done(self, until_s: float) -> bool:
        """Runs steps of the first piece until the slice is over; returns whether these were all."""
        return all(self._monotonic_s() < until_s for _ in self._pieces[0])
