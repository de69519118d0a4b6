"""What writes and reads the journal and the history: here it is chosen which program keeps them."""

from __future__ import annotations

from pathlib import Path

from darvaz.gateway.access import redact
from darvaz.gateway.journal.sqlite_store import SqliteJournalStore
from darvaz.gateway.journal.sqlite_view import SqliteJournal
from darvaz.gateway.journal.store import JournalStore
from darvaz.gateway.journal.view import JournalView
from darvaz.gateway.storage.read_pool import ReadPool
from darvaz.gateway.storage.reading import StoreReader
from darvaz.gateway.storage.shared_database import SharedDatabase
from darvaz.gateway.telemetry.history import History
from darvaz.gateway.telemetry.history_schema import open_history
from darvaz.gateway.telemetry.sqlite_store import SqliteHistoryStore
from darvaz.gateway.telemetry.sqlite_view import SqliteHistory
from darvaz.gateway.telemetry.store import HistoryStore
from darvaz.gateway.telemetry.view import HistoryView


def journal_store(database: SharedDatabase) -> JournalStore:
    """Opens what the journal is written into."""
    return SqliteJournalStore(database.open(), redact)


def journal_reader(database: SharedDatabase) -> StoreReader[JournalView]:
    """Returns what reads the journal."""
    return ReadPool(database.open, SqliteJournal, on_damage=database.suspect)


def history_store(data: Path) -> HistoryStore:
    """Opens what the history of a data folder is written into."""
    return SqliteHistoryStore(open_history(data))


def history_reader(data: Path, history: History) -> StoreReader[HistoryView]:
    """Returns what reads the history of a data folder."""
    return ReadPool(lambda: open_history(data), SqliteHistory, on_damage=history.suspect)
