"""A reader that waits for the journal reads all that happened before, and waits no longer than its deadline."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from darvaz.gateway.journal.flush import wait_until_written
from darvaz.gateway.journal.queries import JournalFilter, read
from darvaz.gateway.journal.sqlite_store import SqliteJournalStore
from darvaz.gateway.journal.writer import Journal
from darvaz.gateway.storage.database import open_database, transaction
from tests.support.databases import open_journal


def journal_of(folder: Path) -> Journal:
    journal = Journal(partial(open_journal, folder))
    journal.open()
    return journal


def wait_until_degraded(journal: Journal) -> None:
    deadline_s = time.monotonic() + 10
    while journal.state == "ok":
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


async def test_everything_recorded_before_can_be_read(tmp_path: Path) -> None:
    journal = journal_of(tmp_path)

    with closing(open_database(tmp_path)) as connection:
        for number in range(50):
            journal.record("gate", "pico", "192.0.2.7", "<", "log", str(number))

            assert await wait_until_written(journal)

            assert read(connection, JournalFilter(), 1)[0].payload == str(number)
    assert journal.close()


async def test_an_empty_journal_is_written(tmp_path: Path) -> None:
    journal = Journal(partial(open_journal, tmp_path))

    # There is no writer, and nothing to write.
    assert await wait_until_written(journal, deadline_s=0)


async def test_waiting_for_a_slow_disk_ends_at_the_deadline(tmp_path: Path) -> None:
    journal = journal_of(tmp_path)

    with closing(open_database(tmp_path)) as other, transaction(other):
        journal.record("gate", "pico", "192.0.2.7", "<", "log", "")

        assert not await wait_until_written(journal, deadline_s=0.1)

    assert await wait_until_written(journal, deadline_s=10)
    assert journal.close()


async def test_waiting_for_a_journal_that_cannot_be_written_ends_at_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def open_nothing() -> SqliteJournalStore:
        raise sqlite3.OperationalError("unable to open database file")

    journal = Journal(open_nothing)
    journal.open()
    wait_until_degraded(journal)
    journal.record("gate", "pico", "192.0.2.7", "<", "log", "")

    assert not await wait_until_written(journal, deadline_s=3600)

    assert "degraded" in caplog.text
    assert not journal.close(0.5)
