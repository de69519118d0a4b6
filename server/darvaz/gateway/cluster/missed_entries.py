"""Entries of the stream of all journals that a client has not had; has no clock and no I/O."""

from __future__ import annotations

import itertools
import zlib
from collections import deque
from collections.abc import Callable, Mapping

import msgspec

from darvaz.gateway.cluster.event_positions import JOURNAL_CHARS, EventPosition
from darvaz.gateway.cluster.follower import BucketEntry
from darvaz.gateway.events.order import Mark
from darvaz.gateway.journal.batches import fields_of, unpack
from darvaz.gateway.journal.queries import Row
from darvaz.gateway.missed_events import makes_event

# Of the events that are told again; the newest.
ROWS_MAX = 1_000


class MissedEntries:
    """Takes the messages of the stream behind a position, one after the other."""

    def __init__(self, since: EventPosition, until: Mapping[str, int], wants_type: Callable[[str], bool]) -> None:
        self._since = since
        # Journal → the entry up to which events are wanted at least.
        self._until = {
            journal: entry_id for journal, entry_id in until.items() if entry_id > since.ahead.get(journal, 0)
        }
        self._wants_type = wants_type
        self.sequence = since.sequence
        """Of the newest message that was taken."""
        self.read: dict[str, int] = {}
        """Journal → the newest of its entries that were taken."""
        self.found: deque[tuple[EventPosition, Mark, Row]] = deque(maxlen=ROWS_MAX)
        """Entries that make events, the oldest first, each with where a client is that has it."""
        self.has_gap = False
        """Whether something is missing in front of the oldest, or among them."""

    def take(self, message: BucketEntry) -> None:
        """Takes the next message."""
        if message.revision != self.sequence + 1:
            # The stream keeps it no more.
            self.has_gap = True
        before, self.sequence = message.revision - 1, message.revision
        journal = message.key[:JOURNAL_CHARS]
        try:
            first_id, groups, _ = unpack(message.value or b"")
        except (zlib.error, ValueError, msgspec.DecodeError):
            # Of a later version; the log says so, since it is read for the journal as well.
            self.has_gap = True
            return
        has = max(self._since.ahead.get(journal, 0), self.read.get(journal, 0))
        entry_id = first_id - 1
        for entry_id, fields in enumerate(itertools.chain.from_iterable(map(fields_of, groups)), first_id):
            if entry_id > has and makes_event(fields[4], fields[5], fields[6], self._wants_type):
                self._keep(before, (journal, entry_id), Row(entry_id, *fields))
        self.read[journal] = max(has, entry_id)

    def _keep(self, before: int, mark: Mark, row: Row) -> None:
        if len(self.found) == ROWS_MAX:
            self.has_gap = True
        ahead = {**self._since.ahead, mark[0]: mark[1]}
        self.found.append((self._since._replace(sequence=before, ahead=ahead), mark, row))

    @property
    def sent(self) -> dict[str, int]:
        """Returns up to which entry of each journal the client has events, once it has those that were found."""
        return {**self._since.ahead, **self.read}

    def lacks(self) -> list[str]:
        """Returns the journals of which entries are wanted that have not come yet."""
        return [journal for journal, entry_id in self._until.items() if self.read.get(journal, 0) < entry_id]
