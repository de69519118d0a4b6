"""Waits until what has happened is in the journal, so that whoever asks next reads all of it."""

from __future__ import annotations

import asyncio
import time

from darvaz.gateway.journal.writer import Journal

# A disk that takes longer has its own row to say so; what there is already can be read meanwhile.
DEADLINE_S = 2.0
_LOOK_EVERY_S = 0.005


async def journalled(journal: Journal, deadline_s: float = DEADLINE_S) -> bool:
    """Returns once everything noted so far can be read, and says whether it came so far within the deadline."""
    mark, until_s = journal.mark, time.monotonic() + deadline_s
    while not journal.has_written(mark):
        if journal.state != "ok" or time.monotonic() >= until_s:
            return False
        journal.hurry()
        await asyncio.sleep(_LOOK_EVERY_S)
    return True
