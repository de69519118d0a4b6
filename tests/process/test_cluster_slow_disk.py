"""A gateway of a cluster whose disk is slow: it has everything in the end, and holds up nobody else."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.app import RunningApp
from tests.support.board import board_at
from tests.support.gateway import GatewayProcess
from tests.support.mosquitto import settled
from tests.support.nats_server import NatsServer
from tests.support.preload import slow_syncs

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("cluster"), pytest.mark.timeout(240)]

LINES, TOGETHER, SYNC_MS = 3_000, 100, 700
DEADLINE_S = 120.0
COMMANDS: dict[str, Any] = {"led": {"on": {"type": "boolean"}}}


async def lines_at(gateway: GatewayProcess, device: str) -> list[str]:
    """Returns all lines of a device that a gateway has, the newest first."""
    found: list[str] = []
    query: dict[str, Any] = {"device": device, "type": "log", "limit": 1000}
    while True:
        page = (await asyncio.to_thread(gateway.get, "/api/journal", params=query)).raise_for_status().json()
        found += [json.loads(row["payload"])["message"] for row in reversed(page["rows"])]
        if page["older"] is None:
            return found
        query["before"] = page["older"]


async def test_a_store_with_a_slow_disk_has_every_entry_once_and_holds_up_no_other(tmp_path: Path) -> None:
    slow_disk = slow_syncs(tmp_path, SYNC_MS)
    with NatsServer(tmp_path) as nats:
        async with RunningApp(cluster=nats.url, messages_per_s_max=1_000_000) as fast:
            with GatewayProcess("--cluster", nats.url, "--cluster-node", "slow", env=slow_disk) as slow:
                await settled(lambda: len(fast.parts.cluster.state().nodes) == 2)
                async with board_at(fast, "busy") as busy, board_at(slow.ws_url, "far", commands=COMMANDS) as far:
                    await settled(lambda: fast.parts.hub.is_online("far"))
                    for number in range(LINES):
                        await busy.send("log", message=f"line {number}", level="info")
                        if number % TOGETHER == 0:
                            await busy.send("ping")
                            await busy.receive("pong")
                    asking = asyncio.create_task(fast.post("/api/devices/far/commands/led", json={"on": True}))
                    command = await far.receive("command")
                    await far.send("ack", id=command["id"], command="led", status="ok")
                    answer = await asking
                    async with asyncio.timeout(DEADLINE_S):
                        # Nobody tells.
                        while len(found := await lines_at(slow, "busy")) < LINES:  # noqa: ASYNC110
                            await asyncio.sleep(0.2)
                states = [fast.parts.cluster.state(), slow.get("/api/cluster").json()]

    assert answer.status_code == 200
    assert sorted(found) == sorted(f"line {number}" for number in range(LINES))
    assert (states[0].state, states[1]["state"]) == ("ok", "ok")
