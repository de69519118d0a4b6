"""Pieces that are read ahead of an export, beside those that are read one after another."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from msgspec.structs import replace

from darvaz.gateway.journal.batches import ROWS_PER_BATCH, insert_batch, next_id
from darvaz.gateway.journal.export_lines import read_piece
from darvaz.gateway.journal.exporter import Exporter
from darvaz.gateway.journal.queries import JournalFilter
from darvaz.gateway.journal.sqlite_view import SqliteJournal
from darvaz.gateway.storage.database import DATABASE_NAME, open_database
from darvaz.gateway.storage.read_pool import DEADLINE_S, ReadPool

BATCHES = 3
ALL, ODD = JournalFilter(after_id=0), JournalFilter(after_id=0, device="odd")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with closing(open_database(tmp_path)) as database:
        for _ in range(BATCHES):
            first = next_id(database)
            groups: list[Any] = [
                (number, "odd" if number % 2 else None, "pico", "", [("<", "log", f'"{number}"')])
                for number in range(first, first + ROWS_PER_BATCH)
            ]
            insert_batch(database, first, groups, str)
    return tmp_path


@asynccontextmanager
async def exporter_of(folder: Path, deadline_s: float = DEADLINE_S) -> AsyncIterator[Exporter]:
    pool = ReadPool(partial(open_database, folder), SqliteJournal)
    made = Exporter(folder / DATABASE_NAME, pool, deadline_s=deadline_s)
    try:
        yield made
    finally:
        await made.close()
        pool.close()


@pytest_asyncio.fixture
async def exporter(folder: Path) -> AsyncIterator[Exporter]:
    async with exporter_of(folder) as made:
        yield made


async def pieces(exporter: Exporter, wanted: JournalFilter) -> AsyncGenerator[bytes]:
    after_id: int | None = 0
    while after_id is not None:
        piece, after_id = await exporter.read(replace(wanted, after_id=after_id), "csv")
        yield piece


def expected(folder: Path, wanted: JournalFilter) -> list[bytes]:
    found, after_id = [], wanted.after_id
    with closing(open_database(folder)) as database:
        while after_id is not None:
            piece, after_id = read_piece(database, replace(wanted, after_id=after_id), "csv")
            found.append(piece)
    return found


async def test_an_export_is_read_ahead_and_has_each_entry_once(exporter: Exporter, folder: Path) -> None:
    found = []
    async for piece in pieces(exporter, ALL):
        is_ahead = exporter._ahead is not None
        found.append((piece, is_ahead))

    assert [piece for piece, _ in found] == expected(folder, ALL)
    assert [is_ahead for _, is_ahead in found] == [True] * BATCHES + [False]


async def test_an_export_that_is_left_early_leaves_nothing_to_the_next(exporter: Exporter, folder: Path) -> None:
    async with aclosing(pieces(exporter, ALL)) as left:
        await anext(left)

    assert [piece async for piece in pieces(exporter, ODD)] == expected(folder, ODD)


async def test_two_exports_at_once_have_each_its_own_entries(exporter: Exporter, folder: Path) -> None:
    async def whole(wanted: JournalFilter) -> list[bytes]:
        return [piece async for piece in pieces(exporter, wanted)]

    assert await asyncio.gather(whole(ALL), whole(ODD)) == [expected(folder, ALL), expected(folder, ODD)]


@contextmanager
def full_core() -> Iterator[None]:
    """Moves this process, and what it starts, to a core that two other programs want to have."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
        for other in others:
            other.kill()
            other.wait()


@pytest.mark.timeout(300)
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties processes to a core and has this policy")
async def test_an_export_stands_behind_other_programs_and_ends_beside_them(folder: Path) -> None:
    # Longer than it may take on a machine that has much else to do.
    async with exporter_of(folder, deadline_s=200) as exporter:
        with full_core():
            found = [piece async for piece in pieces(exporter, ALL)]
            process = exporter._process
            assert process is not None
            niceness = os.getpriority(os.PRIO_PROCESS, process.pid)
            policy = os.sched_getscheduler(process.pid)

    assert found == expected(folder, ALL)
    assert (policy, niceness) == (os.SCHED_BATCH, min(os.getpriority(os.PRIO_PROCESS, 0) + 15, 19))
