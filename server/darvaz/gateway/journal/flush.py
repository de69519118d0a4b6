"""Waits until what has happened is in the journal, so that whoever asks next reads all of it."""

from __future__ import annotations

import asyncio
import time

from darvaz.gateway.journal.writer import Journal

# A disk that takes longer has its own row to say so; what there is already can be read meanwhile.
DEADLINE_S = 2.0
_LOOK_EVERY_S = 0.005


async def wait_until_written(journal: Journal, deadline_s: float = DEADLINE_S) -> bool:
    """Returns once everything noted so far can be read, and says whether it came so far within the deadline."""
    position, until_s = journal.position, time.monotonic() + deadline_s
    while not journal.has_written(position):
        if journal.state != "ok" or time.monotonic() >= until_s:
            return False
        journal.flush_now()
        await asyncio.sleep(_LOOK_EVERY_S)
    return True
