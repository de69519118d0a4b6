"""Shares of something limited, such as exports: for each caller and in all, with a reserve for operators."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from darvaz.gateway.address_counts import AddressCounts


class Shares:
    """Counts what callers have at the same time. Used from the event loop only."""

    def __init__(self, total_max: int, per_caller_max: int, viewers_max: int) -> None:
        self._total_max = total_max
        self._per_caller_max = per_caller_max
        # Of the total, what viewers may have together; the rest is for operators.
        self._viewers_max = viewers_max
        # By caller: of all, and of viewers.
        self._all = AddressCounts()
        self._viewers = AddressCounts()

    def enter(self, caller: str, *, is_operator: bool) -> bool:
        """Counts one more, and returns True, if there is one left for this caller; `leave` must be called then."""
        is_full = self._all.total >= self._total_max or self._all.of(caller) >= self._per_caller_max
        if is_full or (not is_operator and self._viewers.total >= self._viewers_max):
            return False
        self._all.enter(caller)
        if not is_operator:
            self._viewers.enter(caller)
        return True

    def leave(self, caller: str, *, is_operator: bool) -> None:
        """Counts one less."""
        self._all.leave(caller)
        if not is_operator:
            self._viewers.leave(caller)

    @contextlib.contextmanager
    def entered(self, caller: str, *, is_operator: bool) -> Iterator[bool]:
        """Counts one more while the block lasts; the block is told whether there was one left."""
        is_entered = self.enter(caller, is_operator=is_operator)
        try:
            yield is_entered
        finally:
            if is_entered:
                self.leave(caller, is_operator=is_operator)


class AllShares:
    """What is limited by caller: files of the journal, event streams, and reads of a database."""

    def __init__(self) -> None:
        self.exports = Shares(total_max=16, per_caller_max=4, viewers_max=12)
        self.streams = Shares(total_max=1_000, per_caller_max=100, viewers_max=750)
        self.reads = Shares(total_max=64, per_caller_max=32, viewers_max=32)
