"""What can be read of the journal, whatever program keeps it; `sqlite_view` is the one that is used."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from darvaz.gateway.journal.payload_search import PayloadFilter
from darvaz.gateway.journal.queries import JournalFilter, Row


class StoredBatch(NamedTuple):
    """Entries that lie together: the number of the first, how many, and all groups (`EntryGroup`) as JSON."""

    first_id: int
    size: int
    groups: bytes


class JournalView(Protocol):
    """The journal as it is written at this moment. Used by one thread at a time."""

    def rows(self, wanted: JournalFilter, limit: int = 200, *, newest: bool = True) -> list[Row]:
        """Returns at most `limit` rows that match, in order of time: the newest, or the oldest."""

    def find(
        self, wanted: JournalFilter, payload: PayloadFilter, limit: int, *, newest: bool
    ) -> tuple[list[Row], int | None]:
        """Does that with what payloads must have; also returns the id at which the search stopped, before the end."""

    def lines(self, wanted: JournalFilter, format_: str) -> tuple[bytes, int | None]:
        """Returns the next entries as lines of a file, and up to which one the journal was read; None at its end."""

    def newest_id(self) -> int:
        """Returns the id of the newest entry, 0 if there is none."""

    def oldest_id(self) -> int | None:
        """Returns the id of the oldest entry, None if there is none."""

    def thinned_until(self) -> int:
        """Returns the number from which on no telemetry was left out for space."""

    def next_batch(self, first_id: int, end_id: int, oldest_ms: int) -> StoredBatch | None:
        """Returns the batch with the first entry between two numbers, of those with one no older than a time."""
