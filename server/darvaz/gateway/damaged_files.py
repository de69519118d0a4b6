"""What is done about a damaged database: memory gives what it has to the new one, and the journal tells of it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from darvaz.gateway.access import redact
from darvaz.gateway.journal.recovery import store_recorded
from darvaz.gateway.parts import Parts
from darvaz.gateway.storage.database import transaction
from darvaz.gateway.storage.reading import StoreReader
from darvaz.gateway.storage.taken import write_known


def save_from_damage(parts: Parts) -> None:
    """Has a file that takes the place of a damaged one filled with what memory and the record log have."""
    journal, folder = parts.journal, parts.settings.data_path

    def recover_journal(fresh: sqlite3.Connection, lacking: Sequence[str]) -> None:
        store_recorded(fresh, folder, journal.newest_id - journal.pending_rows + 1, redact)

    def recover_numbers(fresh: sqlite3.Connection, lacking: Sequence[str]) -> None:
        # Numbers of entries that wait come with their entries: written before them, they would be lost with a kill.
        if "sequences" in lacking:
            with transaction(fresh):
                write_known(fresh, parts.sequences, journal.taken.devices())

    parts.database.rescues += [parts.tables.rescue, parts.devices.rescue, recover_journal, recover_numbers]
    parts.database.note_written()


def tell_of_damage(parts: Parts) -> None:
    """Journals each damaged database that was replaced: at the start, and from now on."""
    loop = asyncio.get_running_loop()

    def listener(type_: str, reader: StoreReader[Any], notes: Sequence[str]) -> Callable[[str], None]:
        def record(note: str) -> None:
            parts.journal.record(None, None, "", "=", type_, note)

        def replaced(note: str) -> None:
            reader.reopen()
            # A loop that was closed meanwhile has a journal no more.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(record, note)

        for note in notes:
            record(note)
        return replaced

    parts.history.on_replaced = listener("history damaged", parts.history_reader, parts.history.writer.notes)
    parts.database.on_replaced = listener("journal damaged", parts.reader, parts.database.notes)
    parts.history.on_gap = _recorder_of_gaps(parts, loop)


def _recorder_of_gaps(parts: Parts, loop: asyncio.AbstractEventLoop) -> Callable[[str], None]:
    def tell(note: str) -> None:
        # A loop that was closed meanwhile has a journal no more.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(parts.journal.record, None, None, "", "=", "history gap", note)

    return tell
