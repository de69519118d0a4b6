"""Waits until what has happened is in the journal, so that a reader that comes next finds all of it.

It is apart from the journal itself, which is compiled and may have no coroutines.
"""

from __future__ import annotations

from darvaz.gateway.journal.writer import Journal

# If the disk is slower, the reader gets what is written so far; a `gap` row tells of what is lost.
DEADLINE_S = 2.0


async def wait_until_written(journal: Journal, deadline_s: float = DEADLINE_S) -> bool:
    """Returns once everything noted so far can be read; False if that takes longer, or the disk fails."""
    return await journal.writer.wait_until_written(journal.position, deadline_s)
