"""How much of the journal waits in memory, and when it is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from darvaz.gateway.journal.batches import EntryGroup

PENDING_ROWS_MAX: Final = 100_000
# A character takes up to four bytes of memory.
PENDING_CHARS_MAX: Final = 16 * 1024 * 1024
# How long entries wait for the database at most: with a record log, which has them, and without.
FLUSH_INTERVAL_S: Final = 900.0
BATCH_INTERVAL_S: Final = 0.1
# Entries that are written at once; under a flood earlier, while the processor's cache still holds them.
FLUSH_ROWS: Final = 20_000
FLOOD_ROWS: Final = 2_000
FLOOD_INTERVAL_S: Final = 2.0
# Characters, too: thousands of boards that connect at once bring introductions of kilobytes, and few entries.
FLUSH_CHARS: Final = PENDING_CHARS_MAX // 4
# The interpreter's lock is held, and with it the event loop, while this much is encoded.
CHARS_PER_BATCH: Final = 512 * 1024
# Far below the largest record of the record log, though one group may have more.
CHARS_PER_RECORD: Final = 100_000
# The database is locked for other writers, the event loop's among them, while this many batches are written.
BATCHES_PER_COMMIT: Final = 4
# Groups that are looked at for whether they are heartbeats alone.
LOOKED_AT_MAX: Final = 1_000
_SIGNS_OF_LIFE: Final = frozenset({"ping", "pong"})


def have_news(groups: Sequence[EntryGroup]) -> bool:
    """Whether groups are more than heartbeats, or too many to look."""
    entries = (entry for group in groups for entry in group[4])
    return len(groups) >= LOOKED_AT_MAX or any(entry[1] not in _SIGNS_OF_LIFE for entry in entries)
