"""Tables in memory, written behind: what the loop sees, what the disk has, and what other processes change."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from darvaz.gateway.storage import mirrored_tables
from darvaz.gateway.storage.database import open_database, read_setting, transaction, write_setting
from darvaz.gateway.storage.mirrored_tables import MirroredTables

DEADLINE_S = 10.0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_database(tmp_path)) as connection:
        write_setting(connection, "before", "1")
        yield connection


def run(tmp_path: Path, test: Callable[[MirroredTables], Awaitable[None]]) -> None:
    async def started() -> None:
        with closing(MirroredTables(lambda: open_database(tmp_path), ["settings"])) as tables:
            tables.start()
            await test(tables)

    asyncio.run(started())


def test_the_copy_has_what_is_on_the_disk(tmp_path: Path, disk: sqlite3.Connection) -> None:
    async def test(tables: MirroredTables) -> None:
        assert read_setting(tables, "before") == "1"

    run(tmp_path, test)


def test_a_change_is_on_the_disk_once_it_is_stored(tmp_path: Path, disk: sqlite3.Connection) -> None:
    async def test(tables: MirroredTables) -> None:
        with transaction(tables):
            write_setting(tables, "a", "1")
            write_setting(tables, "b", "2")

        assert await tables.wait_until_stored(DEADLINE_S)
        assert (read_setting(disk, "a"), read_setting(disk, "b")) == ("1", "2")

    run(tmp_path, test)


def test_a_transaction_that_is_rolled_back_changes_nothing_on_the_disk(
    tmp_path: Path, disk: sqlite3.Connection
) -> None:
    async def test(tables: MirroredTables) -> None:
        with pytest.raises(KeyError), transaction(tables):
            write_setting(tables, "a", "1")
            raise KeyError

        write_setting(tables, "b", "2")
        assert await tables.wait_until_stored(DEADLINE_S)
        assert (read_setting(disk, "a"), read_setting(disk, "b")) == (None, "2")

    run(tmp_path, test)


def test_what_another_process_changed_is_seen_after_a_look(tmp_path: Path, disk: sqlite3.Connection) -> None:
    async def test(tables: MirroredTables) -> None:
        known: list[str | None] = []
        tables.on_read = lambda: known.append(read_setting(tables, "elsewhere"))
        write_setting(disk, "elsewhere", "1")
        disk.execute("DELETE FROM settings WHERE key = 'before'")

        assert await tables.look(DEADLINE_S)
        assert (read_setting(tables, "elsewhere"), read_setting(tables, "before")) == ("1", None)
        assert known[-1] == "1"

    run(tmp_path, test)


def test_while_another_process_holds_the_lock_the_loop_goes_on(tmp_path: Path, disk: sqlite3.Connection) -> None:
    async def test(tables: MirroredTables) -> None:
        disk.execute("BEGIN IMMEDIATE")
        disk.execute("DELETE FROM settings WHERE key = 'before'")
        write_setting(tables, "here", "1")

        assert read_setting(tables, "here") == "1"
        assert not await tables.wait_until_stored(0.05)

        disk.execute("COMMIT")
        assert await tables.wait_until_stored(DEADLINE_S)
        assert await tables.look(DEADLINE_S)
        assert (read_setting(disk, "here"), read_setting(tables, "before")) == ("1", None)

    run(tmp_path, test)


def test_a_change_that_is_not_stored_yet_outlives_a_look(tmp_path: Path, disk: sqlite3.Connection) -> None:
    async def test(tables: MirroredTables) -> None:
        write_setting(tables, "before", "2")
        tables._news.add(tables._apply({"settings": ([("before", "1")], [])}))

        assert read_setting(tables, "before") == "2"

    run(tmp_path, test)


def test_of_many_rows_of_another_process_no_part_undoes_what_changed_here_meanwhile(
    tmp_path: Path, disk: sqlite3.Connection
) -> None:
    rows = [("before", "1"), *((f"elsewhere {number}", "1") for number in range(3 * mirrored_tables._ROWS_PER_PART))]

    async def test(tables: MirroredTables) -> None:
        seen = set[str | None]()
        parts = tables._apply({"settings": (rows, ["before"])})
        for _ in range(len(rows) // 2 // mirrored_tables._ROWS_COMPARED):
            next(parts)
        write_setting(tables, "before", "2")
        tables.on_changed = lambda: seen.add(read_setting(tables, "before"))
        for _ in parts:
            seen.add(read_setting(tables, "before"))

        assert seen == {"2"}
        assert tables.execute("SELECT count(*) FROM settings").fetchone()[0] == len(rows)

    run(tmp_path, test)


def test_what_is_stored_while_rows_come_in_is_not_undone_by_them(tmp_path: Path, disk: sqlite3.Connection) -> None:
    rows = [(f"elsewhere {number}", "1") for number in range(20_000)]

    async def test(tables: MirroredTables) -> None:
        write_setting(tables, "before", "2")
        tables._news.add(tables._apply({"settings": ([*rows, ("before", "1")], [])}))
        assert await tables.wait_until_stored(DEADLINE_S)
        await tables._news.wait()

        assert read_setting(tables, "before") == "2"

    run(tmp_path, test)


def test_a_change_beyond_those_that_may_wait_is_refused(
    tmp_path: Path, disk: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirrored_tables, "STATEMENTS_MAX", 2)

    async def test(tables: MirroredTables) -> None:
        disk.execute("BEGIN IMMEDIATE")
        write_setting(tables, "a", "1")
        write_setting(tables, "b", "1")

        with pytest.raises(sqlite3.OperationalError, match="2 changes wait"):
            write_setting(tables, "c", "1")
        disk.execute("ROLLBACK")

    run(tmp_path, test)


def test_what_waits_is_written_at_the_close(tmp_path: Path, disk: sqlite3.Connection) -> None:
    with closing(MirroredTables(lambda: open_database(tmp_path), ["settings"])) as tables:
        write_setting(tables, "a", "1")

    assert read_setting(disk, "a") == "1"
