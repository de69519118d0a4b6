"""Which locks a thread takes while it holds others: two orders of the same two can wait for each other forever."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import darvaz

_PRODUCT = Path(darvaz.__file__).parent


class LockOrder:
    """Watches the locks that the product makes during the block; those of libraries stay what they are."""

    def __init__(self) -> None:
        # The lines that made two locks, of which a thread took the second while it held the first.
        self.taken: set[tuple[str, str]] = set()
        self._held = threading.local()
        self._make = threading.Lock

    def __enter__(self) -> Self:
        threading.Lock = self._made  # type: ignore[assignment]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        threading.Lock = self._make

    def both_ways(self) -> list[tuple[str, str]]:
        """Returns the pairs of places of which a chain leads from each to the other."""
        reached = {line: self._reached_from(line) for line, _ in self.taken}
        return sorted((one, other) for one in reached for other in reached[one] if one in reached.get(other, ()))

    def held(self) -> list[WatchedLock]:
        """Returns the locks that this thread holds."""
        locks: list[WatchedLock] = self._held.__dict__.setdefault("locks", [])
        return locks

    def _made(self) -> object:
        caller = sys._getframe(1)
        file = Path(caller.f_code.co_filename)
        line = f"{file.name}:{caller.f_lineno}"
        return WatchedLock(self, self._make(), line) if file.is_relative_to(_PRODUCT) else self._make()

    def _reached_from(self, line: str) -> set[str]:
        found: set[str] = set()
        waiting = [line]
        while waiting:
            here = waiting.pop()
            new = {second for first, second in self.taken if first == here} - found
            found |= new
            waiting += new
        return found


class WatchedLock:
    """A lock that tells what it was taken after."""

    def __init__(self, order: LockOrder, lock: threading.Lock, line: str) -> None:
        self._order = order
        self._lock = lock
        self.line = line

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        is_taken = self._lock.acquire(blocking, timeout)
        if is_taken:
            held = self._order.held()
            self._order.taken.update((other.line, self.line) for other in held)
            held.append(self)
        return is_taken

    def release(self) -> None:
        self._order.held().remove(self)
        self._lock.release()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
