"""The implementations of stores that the tests run over, each by its name; another one is another entry here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from darvaz.gateway.journal.batches import EntryBody
from darvaz.gateway.journal.sqlite_view import SqliteJournal
from darvaz.gateway.journal.view import JournalView
from darvaz.gateway.journal.writer import Journal
from darvaz.gateway.storage.database import open_database
from darvaz.gateway.storage.read_pool import ReadPool
from darvaz.gateway.storage.reading import StoreReader
from darvaz.gateway.telemetry.history import History
from darvaz.gateway.telemetry.history_schema import open_history
from darvaz.gateway.telemetry.recent import Value
from darvaz.gateway.telemetry.sqlite_view import SqliteHistory
from darvaz.gateway.telemetry.view import HistoryView
from tests.support.databases import open_history_store, open_journal


class JournalStore(NamedTuple):
    """A journal: how one group of entries is written and can be read then, and what reads it."""

    write: Callable[[int, str | None, str, str, list[EntryBody]], None]
    reader: StoreReader[JournalView]


class HistoryStore(NamedTuple):
    """A history: how the values of a device are written at a time and can be read then, and what reads it."""

    write: Callable[[str, float, dict[str, Value]], None]
    reader: StoreReader[HistoryView]


@contextmanager
def sqlite_journal(folder: Path) -> Iterator[JournalStore]:
    journal = Journal(partial(open_journal, folder))
    reader = ReadPool(partial(open_database, folder), SqliteJournal)

    def write(time_ms: int, device: str | None, kind: str, address: str, entries: list[EntryBody]) -> None:
        journal.extend(time_ms, device, kind, address, entries, sum(len(entry[2]) for entry in entries))
        assert journal.writer.write_once()

    yield JournalStore(write, reader)
    reader.close()
    assert journal.close()


@contextmanager
def sqlite_history(folder: Path) -> Iterator[HistoryStore]:
    history = History(partial(open_history_store, folder))
    reader = ReadPool(partial(open_history, folder), SqliteHistory)

    def write(device: str, time_s: float, values: dict[str, Value]) -> None:
        history.record(device, time_s, values)
        history.flush_now()
        assert history.writer.write_once()

    yield HistoryStore(write, reader)
    reader.close()
    assert history.close()


JOURNALS: dict[str, Callable[[Path], AbstractContextManager[JournalStore]]] = {"sqlite": sqlite_journal}
HISTORIES: dict[str, Callable[[Path], AbstractContextManager[HistoryStore]]] = {"sqlite": sqlite_history}


@pytest.fixture(params=JOURNALS)
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[JournalStore]:
    with JOURNALS[request.param](tmp_path) as made:
        yield made


@pytest.fixture(params=HISTORIES)
def history(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[HistoryStore]:
    with HISTORIES[request.param](tmp_path) as made:
        yield made
