"""Where the journal's thread writes entries, whatever program keeps them; `sqlite_store` is the one that is used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from darvaz.gateway.journal.batches import EntryGroup
from darvaz.gateway.journal.retention import JournalRetention
from darvaz.gateway.storage.sequences import Sequences
from darvaz.gateway.storage.taken import Taken


class JournalStore(Protocol):
    """A journal that is open to be written. Used by one thread at a time, but for `sync`.

    Each method does all that it says or nothing, and raises `StorageError`, `sqlite3.Error` or `OSError` then. What
    the record log has of groups or not is the journal's business.
    """

    def next_id(self) -> int:
        """Returns the number of the next entry, 1 where there is none."""

    def begin(self) -> tuple[int, bool, int]:
        """Returns the number of the first entry of a start, as `starts.begin` says; and two things of the end before.

        Whether it was not in order, and the Unix milliseconds of its newest entry.
        """

    def taken(self) -> Sequences:
        """Returns the numbers of boards' messages that are here, of the boards that were heard last."""

    def write(self, first_id: int, batches: Sequence[Sequence[EntryGroup]], taken: Sequence[Taken]) -> int:
        """Writes entries, numbered on from `first_id`, with the numbers of boards' messages; returns how many."""

    def write_record(self, record: bytes) -> None:
        """Writes what a record of the record log has (`batches.pack`) and is not here yet."""

    def sync(self) -> None:
        """Has all that was written survive a power cut; from any thread."""

    def tidy(self, retention: JournalRetention) -> None:
        """Deletes what is too much or too old, oldest first; numbers stay as they are, the newest entries too."""

    def leave(self) -> None:
        """Lets go of a store that was replaced by another one of the same name."""

    def close(self) -> None:
        """Ends the use."""
