"""The database of tokens, devices and journal is damaged, at the start or later: boards and people go on."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.app import WRITTEN_DEADLINE_S, RunningApp
from tests.support.board import board_at

EXTERNAL = "203.0.113.9"
PAGE_BYTES = 4096


def root_page(file: Path, name: str) -> int:
    with closing(sqlite3.connect(file)) as connection:
        # Else what is in the write-ahead log hides the damage.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        page: int = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)).fetchone()[0]
    return page


def overwrite_page(file: Path, page: int) -> None:
    # Not through SQLite, and not with `open`: closing it would drop the gateway's locks.
    descriptor = os.open(file, os.O_WRONLY)
    os.pwrite(descriptor, os.urandom(PAGE_BYTES), (page - 1) * PAGE_BYTES)
    _kept_open.append(descriptor)


_kept_open: list[int] = []


def damage_journal(file: Path) -> None:
    overwrite_page(file, root_page(file, "journal_batches"))


def remove(file: Path) -> None:
    for path in file.parent.glob(f"{file.name}*"):
        path.unlink()


def damage_all(file: Path) -> None:
    root_page(file, "tokens")
    for page in range(1, file.stat().st_size // PAGE_BYTES + 1):
        overwrite_page(file, page)


async def replace_after(gateway: RunningApp, damage: Callable[[Path], None]) -> None:
    """Damages the database, and returns once the gateway has another one."""
    loop, is_replaced, tell = asyncio.get_running_loop(), asyncio.Event(), gateway.parts.database.on_replaced

    def replaced(note: str) -> None:
        tell(note)
        loop.call_soon_threadsafe(is_replaced.set)

    gateway.parts.database.on_replaced = replaced
    damage(gateway.data / "darvaz.sqlite3")
    # Where a write of the gateway hid the change of the file, its next one finds the damage.
    gateway.parts.journal.record(None, None, "", "=", "probe", "")
    gateway.parts.journal.flush_now()
    async with asyncio.timeout(10):
        await is_replaced.wait()


async def some_life(gateway: RunningApp) -> dict[str, str]:
    """Issues a token, and has a board known and heard; returns the headers of an operator."""
    # The first write of a start takes all there is, also what is not in the record log yet.
    await gateway.journal()
    token = (await gateway.post("/api/tokens", json={"kind": "operator"})).json()["token"]
    async with board_at(gateway, "pico", boot_id="b1") as board:
        await board.send("log", message="before", seq=0)
        await board.send("ping")
        await board.receive("pong")
    await gateway.ask("PATCH", "/api/devices/pico", json={"label": "Kitchen"})
    await gateway.ask("DELETE", "/api/enrolment")
    assert await gateway.parts.store(WRITTEN_DEADLINE_S)
    await gateway.journal()
    return {"Authorization": f"Bearer {token}"}


async def check_life(gateway: RunningApp, operator: dict[str, str]) -> None:
    assert (await gateway.ask("GET", "/api/tokens", EXTERNAL, headers=operator)).status_code == 200
    [device] = (await gateway.get("/api/devices")).json()["devices"]
    assert (device["id"], device["label"]) == ("pico", "Kitchen")
    async with board_at(gateway, "pico", boot_id="b1") as board:
        await board.send("log", message="after", seq=1)
        await board.send("ping")
        await board.receive("pong")
    assert await gateway.parts.store(WRITTEN_DEADLINE_S)
    found = [json.loads(line.payload or "")["message"] for line in await gateway.journal(type="log")]
    assert found == ["before", "after"]
    assert (await gateway.get("/api/enrolment")).json()["seconds_left"] == 0


async def check_told(gateway: RunningApp) -> None:
    health, about = await gateway.get("/health"), (await gateway.get("/api/health")).json()
    assert (health.status_code, health.json()["status"]) == (200, "degraded")
    assert "darvaz.sqlite3 was damaged and is now darvaz.sqlite3.damaged-" in about["journal"]
    assert about["problems"] == [about["journal"]]
    assert [line.payload for line in await gateway.journal(type="journal damaged")] == [about["journal"]]


@pytest.mark.parametrize("damage", [damage_journal, damage_all])
async def test_a_database_that_is_damaged_while_running_is_replaced_with_all_that_is_known(
    damage: Callable[[Path], None],
) -> None:
    async with RunningApp(public_tokens="window") as gateway:
        operator = await some_life(gateway)
        await replace_after(gateway, damage)

        await check_told(gateway)
        await check_life(gateway, operator)
        await gateway.restart()
        assert (await gateway.get("/api/health")).json()["problems"] == []
        assert (await gateway.ask("GET", "/api/tokens", EXTERNAL, headers=operator)).status_code == 200


async def test_a_journal_that_is_damaged_at_the_start_is_replaced_and_tokens_and_devices_are_kept() -> None:
    async with RunningApp() as gateway:
        operator = await some_life(gateway)
        await gateway.stop()
        damage_journal(gateway.data / "darvaz.sqlite3")

        await gateway.start()

        await check_told(gateway)
        await check_life(gateway, operator)


async def test_a_database_that_is_damaged_as_a_whole_at_the_start_lets_no_stranger_in() -> None:
    async with RunningApp() as gateway:
        operator = await some_life(gateway)
        await gateway.stop()
        damage_all(gateway.data / "darvaz.sqlite3")

        await gateway.start()

        await check_told(gateway)
        assert "its tokens are lost: restore a backup" in (await gateway.get("/api/health")).json()["journal"]
        assert (await gateway.ask("GET", "/api/tokens", EXTERNAL, headers=operator)).status_code == 401
        assert (await gateway.get("/api/enrolment")).json()["seconds_left"] == 0


async def test_a_database_that_is_removed_while_running_is_made_again() -> None:
    async with RunningApp() as gateway:
        operator = await some_life(gateway)
        await replace_after(gateway, remove)

        assert "darvaz.sqlite3 was removed while the gateway used it" in (await gateway.get("/api/health")).text
        await check_life(gateway, operator)
        await gateway.restart()
        assert (await gateway.ask("GET", "/api/tokens", EXTERNAL, headers=operator)).status_code == 200


async def test_a_board_goes_on_counting_over_a_database_that_was_removed() -> None:
    async with RunningApp() as gateway:
        async with board_at(gateway, "quiet", boot_id="b1") as board:
            for number in range(3):
                await board.send("log", message=str(number), seq=number)
        await gateway.get("/api/journal")
        await replace_after(gateway, remove)
        await gateway.restart()
        async with board_at(gateway, "quiet", boot_id="b1") as board:
            await board.send("log", message="again", seq=2)
            await board.send("log", message="next", seq=3)
        found = [(line.type, json.loads(line.payload or "")["message"]) for line in await gateway.journal(type="log")]

        assert found == [("log", "next")]
        assert await gateway.journal(type="gap") == []


async def test_a_forgotten_device_is_not_recorded_twice() -> None:
    async with RunningApp() as gateway:
        async with board_at(gateway, "quiet", boot_id="b1") as board:
            await board.send("log", message="once", seq=0)
        await gateway.ask("DELETE", "/api/devices/quiet")
        await gateway.restart()
        async with board_at(gateway, "quiet", boot_id="b1") as board:
            await board.send("log", message="once", seq=0)

        assert len(await gateway.journal(type="log")) == 1


async def test_what_is_written_after_a_replacement_is_there_after_the_old_connections_are_left() -> None:
    async with RunningApp() as gateway:
        await some_life(gateway)
        await gateway.get("/api/journal")
        await replace_after(gateway, damage_journal)

        for number in range(3):
            issued = (await gateway.post("/api/tokens", json={"kind": "viewer"})).json()["id"]
            await gateway.get("/api/journal")
            with closing(sqlite3.connect(gateway.data / "darvaz.sqlite3")) as disk:
                found = disk.execute("SELECT count(*) FROM tokens WHERE id = ?", (issued,)).fetchone()
            assert (number, found) == (number, (1,))
