"""The read pool: databases are read outside of the event loop, with a deadline, and a maximum of reads that wait."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from darvaz.gateway.storage.database import open_database
from darvaz.gateway.storage.read_pool import WAITING_MAX, ReadPool
from darvaz.gateway.storage.reading import StoreBusyError, StoreError

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[ReadPool[sqlite3.Connection]]:
    made = ReadPool(lambda: open_database(tmp_path), lambda connection: connection, deadline_s=0.2)
    yield made
    made.close()


def ask(connection: sqlite3.Connection, statement: str) -> object:
    return connection.execute(statement).fetchone()


async def test_a_read_runs_in_another_thread(reader: ReadPool[sqlite3.Connection]) -> None:
    assert await reader.read(ask, "SELECT 7") == (7,)
    assert await reader.read(lambda _: threading.current_thread().name) != threading.current_thread().name


async def test_a_read_that_takes_too_long_is_ended(reader: ReadPool[sqlite3.Connection]) -> None:
    with pytest.raises(StoreBusyError, match="took longer than"):
        await reader.read(ask, ENDLESS)

    assert await reader.read(ask, "SELECT 7") == (7,), "the thread is free again"


async def test_one_read_beyond_the_maximum_that_wait_is_refused(reader: ReadPool[sqlite3.Connection]) -> None:
    gate = threading.Event()
    waiting = [asyncio.create_task(reader.read(lambda _: gate.wait(10))) for _ in range(WAITING_MAX)]
    await asyncio.sleep(0)

    with pytest.raises(StoreBusyError, match="wait already"):
        await reader.read(ask, "SELECT 7")
    gate.set()
    await asyncio.gather(*waiting, return_exceptions=True)

    assert await reader.read(ask, "SELECT 7") == (7,)


async def test_a_read_that_waited_too_long_is_not_started(reader: ReadPool[sqlite3.Connection]) -> None:
    gate = threading.Event()
    begun = []
    holding = [asyncio.create_task(reader.read(lambda _: gate.wait(10))) for _ in range(2)]
    late = asyncio.create_task(reader.read(lambda _: begun.append(1)))
    await asyncio.sleep(0.3)
    gate.set()

    with pytest.raises(StoreBusyError, match="too busy"):
        await late
    await asyncio.gather(*holding)
    assert begun == []


async def test_a_read_cannot_write(reader: ReadPool[sqlite3.Connection]) -> None:
    with pytest.raises(StoreError, match="readonly"):
        await reader.read(ask, "DELETE FROM tokens")


async def test_errors_of_the_database_are_passed_on(reader: ReadPool[sqlite3.Connection]) -> None:
    with pytest.raises(StoreError, match="no such table"):
        await reader.read(ask, "SELECT * FROM nowhere")
