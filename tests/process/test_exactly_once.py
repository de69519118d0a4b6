"""What boards number is recorded once, however often the gateway is killed: nothing confirmed is lost or doubled.

`DARVAZ_KILLS=300 DARVAZ_KILL_BOARDS=50 pytest -k each_confirmed -o timeout=3000` kills that often.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

from darvaz.gateway.journal.queries import JournalFilter, matching
from darvaz.gateway.telemetry.blocks import unpack
from tests.support.board import board_at
from tests.support.counting_board import CountingBoard
from tests.support.gateway import GatewayProcess
from tests.support.journalled import wait_for_line

BOARDS = int(os.environ.get("DARVAZ_KILL_BOARDS", "3"))
KILLS = int(os.environ.get("DARVAZ_KILLS", "4"))
_END_DEADLINE_S = 30.0


def journalled(data: Path, device: str) -> Counter[int]:
    """Returns how often each number of a board is in the journal of a gateway that has ended."""
    with closing(sqlite3.connect(data / "darvaz.sqlite3")) as connection:
        found = [row for row in matching(connection, JournalFilter(device=device)) if row.type in ("telemetry", "log")]
    return Counter(json.loads(row.payload)["seq"] for row in found)


def in_history(data: Path, device: str) -> Counter[int]:
    """Returns how often each value of a board is in the history of a gateway that has ended."""
    with closing(sqlite3.connect(data / "history.sqlite3")) as connection:
        blocks = connection.execute(
            "SELECT block FROM readings JOIN series ON series.id = readings.series WHERE device = ? AND name = 'n'",
            (device,),
        ).fetchall()
    return Counter(int(value) for (block,) in blocks for value in unpack(block)[1])


async def kill_again_and_again(gateway: GatewayProcess, kills: int, seed: int) -> list[CountingBoard]:
    """Kills and starts a gateway while boards count, then ends it in order."""
    chance = random.Random(seed)
    boards = [CountingBoard(gateway.ws_url, f"board-{number}", seed + number) for number in range(BOARDS)]
    tasks = [asyncio.create_task(board.run()) for board in boards]
    for _ in range(kills):
        await asyncio.sleep(chance.uniform(0.05, 0.9))
        await asyncio.to_thread(gateway.kill)
        await asyncio.to_thread(gateway.start)
    await asyncio.sleep(1.0)
    for task in tasks:
        task.cancel()
    async with asyncio.timeout(_END_DEADLINE_S):
        await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.to_thread(gateway.stop)
    return boards


async def test_after_kills_each_confirmed_number_is_recorded_once() -> None:
    with GatewayProcess() as gateway:
        boards = await kill_again_and_again(gateway, KILLS, seed=KILLS)

        print(f"{KILLS} kills, {sum(board.confirmed for board in boards)} numbers confirmed")

        for number, board in enumerate(boards):
            journal, history = journalled(gateway.data, f"board-{number}"), in_history(gateway.data, f"board-{number}")
            assert board.confirmed > 0
            assert [at for at in range(board.confirmed) if journal[at] != 1] == []
            assert [at for at in range(0, board.confirmed, 2) if history[at] != 1] == []
            assert [at for at, count in (journal + history).items() if count > 2] == []
            assert max(journal.values()) == max(history.values()) == 1


async def test_a_repetition_on_a_newer_link_is_dropped_and_a_gap_is_told() -> None:
    with GatewayProcess() as gateway:
        async with board_at(gateway.ws_url, "pico", boot_id="b1") as first:
            await first.send("log", message="one", seq=0)
            await first.send("telemetry", values={"n": 1}, seq=1)
            async with board_at(gateway.ws_url, "pico", boot_id="b1") as second:
                await second.send("log", message="one", seq=0)
                await second.send("telemetry", values={"n": 1}, seq=1)
                await second.send("log", message="five", seq=5)
                await second.send("ping")
                await second.receive("pong")
        found = wait_for_line(gateway.data, 2, device="pico", type="log")
        gaps = wait_for_line(gateway.data, device="pico", type="gap")
        points = gateway.get("/api/devices/pico/telemetry/n?from=-60&points=100").json()["points"]

    assert [json.loads(line.payload or "")["message"] for line in found] == ["one", "five"]
    assert [line.payload for line in gaps] == ["3 messages of this board are missing"]
    assert len(points) == 1


async def test_a_ping_of_a_board_that_numbers_nothing_is_answered_at_once() -> None:
    with GatewayProcess(env={"DARVAZ_SYNC_INTERVAL_S": "60"}) as gateway:
        async with board_at(gateway.ws_url, "pico") as board:
            await board.send("telemetry", values={"n": 1})
            async with asyncio.timeout(15):
                await (await board.link.ping())
