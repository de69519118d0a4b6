"""The journal and the readings of all gateways of a cluster, at each of them, each once."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from darvaz.gateway.cluster.node import ClusterNode
from tests.process.test_cluster_access import joined
from tests.support.app import RunningApp
from tests.support.board import board_at
from tests.support.mosquitto import settled
from tests.support.nats_server import NatsServer

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("cluster")]

_DEADLINE_S = 60.0


async def log_of(gateway: RunningApp, device: str) -> list[str]:
    """Returns the lines that a board logged, as a gateway has them."""
    rows = (await gateway.get("/api/journal", params={"device": device, "type": "log", "limit": 1000})).json()["rows"]
    return [json.loads(row["payload"])["message"] for row in rows]


async def readings_of(gateway: RunningApp, device: str) -> list[float]:
    """Returns the temperatures of a board, as a gateway has them."""
    answer = await gateway.get(f"/api/devices/{device}/telemetry/temp", params={"from": -3600})
    return [point[1] for point in answer.json().get("points", ())]


async def until_all_have(gateways: list[RunningApp], device: str, lines: list[str], readings: list[float]) -> None:
    """Waits until these gateways have just these lines and readings."""
    async with asyncio.timeout(_DEADLINE_S):
        for gateway in gateways:
            # Nobody tells.
            while (await log_of(gateway, device), await readings_of(gateway, device)) != (lines, readings):  # noqa: ASYNC110
                await asyncio.sleep(0.05)


async def report(gateway: RunningApp, device: str, number: int) -> None:
    """Has a board of one start log a line and report a temperature, and waits until both are on the disk."""
    async with board_at(gateway, device, boot_id="b1") as board:
        await board.send("telemetry", values={"temp": float(number)}, seq=2 * number, uptime_ms=5 + number)
        await board.send("log", level="info", message=f"line {number}", seq=2 * number + 1, uptime_ms=6 + number)
        await board.send("ping", uptime_ms=7 + number)
        await board.receive("pong")
    assert await gateway.parts.recorder.wait_until_durable(_DEADLINE_S)


async def test_entries_and_readings_are_at_each_gateway_with_where_they_came_from(nats: NatsServer) -> None:
    async with RunningApp(cluster=nats.url, cluster_node="north") as one, RunningApp(cluster=nats.url) as two:
        await settled(lambda: joined(one, two))
        await report(one, "oven", 0)
        await until_all_have([one, two], "oven", ["line 0"], [0.0])
        await report(two, "oven", 1)
        await until_all_have([one, two], "oven", ["line 0", "line 1"], [0.0, 1.0])
        rows = (await two.get("/api/journal", params={"device": "oven", "type": "log"})).json()["rows"]

    assert [row["address"].partition(" @")[2] for row in rows] == ["north", ""]


async def test_a_board_that_moves_lacks_nothing_and_what_it_sends_again_is_known(nats: NatsServer) -> None:
    async with RunningApp(cluster=nats.url) as one, RunningApp(cluster=nats.url) as two:
        await settled(lambda: joined(one, two))
        for number in range(3):
            await report(one, "ferry", number)
        await until_all_have([two], "ferry", ["line 0", "line 1", "line 2"], [0.0, 1.0, 2.0])
        for number in (2, 3):
            await report(two, "ferry", number)
        lines, readings = [f"line {number}" for number in range(4)], [float(number) for number in range(4)]
        await until_all_have([one, two], "ferry", lines, readings)
        # Also what a gateway knows of another one's boards is there after a start.
        await two.restart()
        await settled(lambda: joined(one, two))
        await report(two, "ferry", 4)
        await until_all_have([one, two], "ferry", [*lines, "line 4"], [*readings, 4.0])
        gaps = [await gaps_of(gateway, "ferry") for gateway in (one, two)]

    assert gaps == [[], []]


async def gaps_of(gateway: RunningApp, device: str) -> list[str]:
    """Returns what a gateway says is missing of a board."""
    rows = (await gateway.get("/api/journal", params={"device": device, "type": "gap"})).json()["rows"]
    return [row["payload"] for row in rows]


async def test_what_was_written_without_nats_and_before_a_start_is_sent_once(tmp_path: Path) -> None:
    with NatsServer(tmp_path) as server:
        async with RunningApp(cluster=server.url) as one, RunningApp(cluster=server.url) as two:
            await settled(lambda: joined(one, two))
            await report(one, "kiln", 0)
            await until_all_have([two], "kiln", ["line 0"], [0.0])
            server.kill()
            await report(one, "kiln", 1)
            await one.restart()
            await report(one, "kiln", 2)
            await two.restart()
            server.start()
            await settled(lambda: joined(one, two))
            await until_all_have([one, two], "kiln", ["line 0", "line 1", "line 2"], [0.0, 1.0, 2.0])
            async with RunningApp(cluster=server.url) as three:
                await until_all_have([three], "kiln", ["line 0", "line 1", "line 2"], [0.0, 1.0, 2.0])


async def test_what_comes_again_after_a_start_is_not_taken_twice(
    nats: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # How far the stream was read is not noted: all of it is read again.
    monkeypatch.setattr("darvaz.gateway.cluster.journal_receiver._NOTE_EVERY_S", 3600.0)
    async with RunningApp(cluster=nats.url) as one, RunningApp(cluster=nats.url) as two:
        await settled(lambda: joined(one, two))
        for number in range(5):
            await report(one, "stove", number)
        await until_all_have([two], "stove", [f"line {n}" for n in range(5)], [float(n) for n in range(5)])
        await two.restart()
        await settled(lambda: joined(one, two))
        await report(one, "stove", 5)
        await until_all_have([two], "stove", [f"line {n}" for n in range(6)], [float(n) for n in range(6)])


async def test_more_than_memory_keeps_is_read_from_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("darvaz.gateway.cluster.journal_sender.WAITING_BYTES_MAX", 200)
    with NatsServer(tmp_path) as server:
        async with RunningApp(cluster=server.url) as one:
            await settled(lambda: joined(one))
            server.kill()
            for number in range(8):
                await report(one, "grill", number)
            server.start()
            async with RunningApp(cluster=server.url) as two:
                await until_all_have([two], "grill", [f"line {n}" for n in range(8)], [float(n) for n in range(8)])


async def test_what_is_not_an_entry_is_left_out(nats: NatsServer, caplog: pytest.LogCaptureFixture) -> None:
    async with RunningApp(cluster=nats.url) as one, RunningApp(cluster=nats.url) as two:
        await settled(lambda: joined(one, two))
        node = one.parts.cluster
        assert isinstance(node, ClusterNode) and node.connection is not None
        await node.connection.store("dv.journal.other", b"\xff not an entry", {})
        await report(one, "forge", 0)
        await until_all_have([two], "forge", ["line 0"], [0.0])

    assert "entries of the journal other are not understood" in caplog.text
