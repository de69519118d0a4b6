"""The end of everything that writes: all that waits is written within a deadline, or it is said what is missing."""

from __future__ import annotations

import logging
import time

from darvaz.gateway.parts import Parts

log = logging.getLogger("darvaz")

# Of all writers together. A service manager waits longer; a disk that works needs some milliseconds.
STOP_DEADLINE_S = 20.0
# How long a write that the disk refuses is tried again.
RETRY_S = 5.0


def close_writers(parts: Parts, deadline_s: float = STOP_DEADLINE_S) -> list[str]:
    """Ends every writer, and returns what is on no disk, with its number each; for a thread of its own.

    Entries and readings that are in the record log are not missing: the next start puts them into the databases.
    """
    until_s = time.monotonic() + deadline_s
    # All stop at the same time, so that a failing disk takes the deadline of one, not the sum of all; but the history
    # only after the recorder, since it writes what that has left.
    for writer in parts.writers:
        writer.retry_at_end_s = RETRY_S
        if writer is not parts.history.writer:
            writer.stop()
    parts.recorder.close(deadline_s)
    parts.history.stop()
    ends = [parts.journal.close, parts.history.close]
    ends += [each.close for each in parts.writers if each not in (parts.journal.writer, parts.history.writer)]
    for end in ends:
        end(max(0.0, until_s - time.monotonic()))
    _tell_what_waits(parts)
    return _missing(parts)


def _missing(parts: Parts) -> list[str]:
    recorder, journal, history, ring = parts.recorder, parts.journal, parts.history, parts.frame_ring
    uses = parts.access.tokens.uses.writer
    counts = {
        "entries of the journal": min(recorder.waiting(journal), journal.writer.waiting),
        "reports of the history": min(recorder.waiting(history), history.writer.waiting),
        "changes of devices": parts.devices.writer.waiting,
        "changes of tokens and sessions": parts.tables.writer.waiting,
        "uses of tokens": 0 if uses is None else uses.waiting,
        "frames": 0 if ring is None else ring.writer.waiting,
    }
    return [f"{count} {what}" for what, count in counts.items() if count > 0]


def _tell_what_waits(parts: Parts) -> None:
    for source in (parts.journal, parts.history):
        waiting = source.writer.waiting - parts.recorder.waiting(source)
        if waiting > 0:
            log.warning(
                "= %d entries of the %s are in the record log: the next start puts them into the database",
                waiting,
                source.writer.name,
            )
