"""Which numbers of boards' messages are in the groups of entries that wait, so that both are stored together."""

from __future__ import annotations

from collections import deque

from darvaz.gateway.storage.taken import Taken


class TakenGroups:
    """Filled by the event loop, read and emptied by the journal's threads under its lock; most groups have none."""

    def __init__(self) -> None:
        # The number of a group, counted since the start, and what is in it; the oldest first.
        self._waiting: deque[tuple[int, Taken]] = deque()

    def note(self, group: int, taken: Taken) -> None:
        """Notes the numbers in a group that is about to be appended."""
        self._waiting.append((group, taken))

    def between(self, start: int, end: int) -> list[Taken]:
        """Returns the numbers in the groups from one to before another."""
        # A copy: the event loop appends meanwhile.
        return [taken for group, taken in self._waiting.copy() if start <= group < end]

    def devices(self) -> set[str]:
        """Returns the boards with numbers that the database does not have yet; from any thread."""
        return {taken[0] for _, taken in self._waiting.copy()}

    def drop_before(self, end: int) -> None:
        """Forgets the groups before this one, which are in the database."""
        while self._waiting and self._waiting[0][0] < end:
            self._waiting.popleft()
