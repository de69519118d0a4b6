"""A virtual board at one gateway of a cluster gets releases by another one, and falls back from one that fails."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway import GatewayProcess
from tests.support.mosquitto import settled
from tests.support.nats_server import NatsServer
from tests.support.updates import deploy, make_board, program, states, until, until_online, upload

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("cluster")]


def log_of(gateway: GatewayProcess) -> str:
    return (Path(gateway.folder.name) / "log.txt").read_text(encoding="utf-8")


async def test_a_board_elsewhere_runs_the_release_and_one_that_fails_stops_the_rollout(tmp_path: Path) -> None:
    with NatsServer(tmp_path / "nats") as server, GatewayProcess("--cluster", server.url) as leads:
        await settled(lambda: "carries rollouts out" in log_of(leads))
        with GatewayProcess("--cluster", server.url) as has_board:
            await settled(lambda: "the cluster is reached" in log_of(has_board))
            board = make_board(tmp_path / "board", has_board, "far-lamp")
            async with board:
                await until_online(leads, "far-lamp")
                good = await asyncio.to_thread(released, has_board, {"main.py": program(1)})
                await until(has_board, good, lambda found: found["state"] == "done")
                answer = await asyncio.to_thread(leads.post, "/api/devices/far-lamp/commands/release")
                bad = await asyncio.to_thread(released, leads, {"main.py": b"raise ValueError('of the test')\n"})
                found = await until(has_board, bad, lambda found: found["state"] == "stopped")
                shown = await asyncio.to_thread(states, leads, good)

    assert answer.json()["result"] == 1
    assert shown == {"far-lamp": "good"}
    assert found["counts"] == {"fell_back": 1} and "ValueError: of the test" in found["reason"]


def released(gateway: GatewayProcess, files: dict[str, Any]) -> int:
    return deploy(gateway, upload(gateway, files), "far-lamp")
