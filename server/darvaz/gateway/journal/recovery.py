"""What a journal that was lost can get back: the entries that are still in the record log."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from darvaz.gateway.journal.batches import EntryGroup, insert_batch, next_id, unpack
from darvaz.gateway.storage.database import transaction
from darvaz.gateway.storage.record_log import read_records
from darvaz.gateway.storage.recorder import JOURNAL
from darvaz.gateway.storage.taken import write_taken


def store_recorded(fresh: sqlite3.Connection, folder: Path, end_id: int, redact: Callable[[str], str]) -> None:
    """Writes the entries before a number that the record log of a folder still has into a fresh database."""
    for record in read_records(folder):
        if record.kind != JOURNAL:
            continue
        first_id, groups, taken = unpack(record.data)
        kept = _before(groups, first_id, end_id)
        if kept:
            with transaction(fresh):
                insert_batch(fresh, max(first_id, next_id(fresh)), kept, redact)
                write_taken(fresh, taken)


def _before(groups: list[EntryGroup], first_id: int, end_id: int) -> list[EntryGroup]:
    kept = []
    for group in groups:
        first_id += len(group[4])
        if first_id <= end_id:
            kept.append(group)
    return kept
