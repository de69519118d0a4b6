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


def first_id_of_start(connection: sqlite3.Connection) -> tuple[int, bool]:
    """Returns the number of the first entry of a start, and whether the end before it was not in order."""
    newest = connection.execute("SELECT moments FROM journal_batches ORDER BY id DESC LIMIT 1").fetchone()
    is_cut_off = newest is not None and list(parse_rows(newest[0]))[-1][5] != LAST_TYPE
    return next_id(connection) + (CUT_OFF_IDS if is_cut_off else 0), is_cut_off
