"""Where in the journal a gateway started, and whether the one before it had ended in order."""

from __future__ import annotations

import sqlite3

from darvaz.gateway.journal.batches import next_id, parse_rows

# The types of the first and the last entry of a gateway.
FIRST_TYPE = "gateway started"
LAST_TYPE = "gateway stopped"
# The payload of a first entry that follows no last one.
CUT_OFF = "after an end that was not in order: the newest entries before it may be missing"
# Numbers that are left out then: those of entries that are lost are never used again, since events tell of them.
CUT_OFF_IDS = 1_000_000


def begin(connection: sqlite3.Connection) -> tuple[int, bool, int]:
    """Returns the number of the first entry of a start, whether the end before it was not in order, and its time."""
    newest = connection.execute("SELECT moments FROM journal_batches ORDER BY id DESC LIMIT 1").fetchone()
    if newest is None:
        return next_id(connection), False, 0
    time_ms, *_, type_, _, _ = list(parse_rows(newest[0]))[-1]
    is_cut_off = type_ != LAST_TYPE
    return next_id(connection) + (CUT_OFF_IDS if is_cut_off else 0), is_cut_off, time_ms
