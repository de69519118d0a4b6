"""Which numbers of boards' messages are in the groups of entries that wait, so that both are stored together."""

from __future__ import annotations

from bisect import bisect_left
from operator import itemgetter

from darvaz.gateway.storage.taken import Taken

_GROUP = itemgetter(0)


class TakenGroups:
    """Filled by the event loop, read and emptied by the journal's threads under its lock; most groups have none."""

    def __init__(self) -> None:
        # The number of a group, counted since the start, and what is in it; the oldest first. The event loop appends
        # in one step of the interpreter, also while a thread looks.
        self._waiting: list[tuple[int, Taken]] = []

    def note(self, group: int, taken: Taken) -> None:
        """Notes the numbers in a group that is about to be appended."""
        self._waiting.append((group, taken))

    def between(self, start: int, end: int) -> list[Taken]:
        """Returns the numbers in the groups from one to before another."""
        waiting = self._waiting
        return [taken for _, taken in waiting[self._place_of(start) : self._place_of(end)]]

    def devices(self) -> set[str]:
        """Returns the boards with numbers that the database does not have yet; from any thread."""
        return {taken[0] for _, taken in self._waiting.copy()}

    def drop_before(self, end: int) -> None:
        """Forgets the groups before this one, which are in the database."""
        del self._waiting[: self._place_of(end)]

    def _place_of(self, group: int) -> int:
        return bisect_left(self._waiting, group, key=_GROUP)
