"""Commands across gateways keep what those of one gateway promise."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.support import journalled
from tests.support.app import RunningApp
from tests.support.board import board_at
from tests.support.gateway import GatewayProcess
from tests.support.mosquitto import settled
from tests.support.nats_server import NatsServer

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("cluster")]

COMMANDS: dict[str, Any] = {"open_gate": {}}
# The default: nothing is on the disk by chance.
DEFAULT = {"DARVAZ_SYNC_INTERVAL_S": "10"}


async def test_a_command_answered_from_afar_is_kept_though_the_gateway_of_its_board_is_killed(
    tmp_path: Path,
) -> None:
    with (
        NatsServer(tmp_path) as nats,
        GatewayProcess("--cluster", nats.url, "--cluster-node", "north", env=DEFAULT) as north,
    ):
        async with RunningApp(cluster=nats.url) as south, board_at(north.ws_url, "gate", commands=COMMANDS) as board:
            await settled(lambda: south.parts.hub.is_online("gate"))
            asking = asyncio.create_task(south.post("/api/devices/gate/commands/open_gate", json={}))
            command = await board.receive("command")
            await board.send("ack", id=command["id"], command="open_gate", status="ok", message="it is open")
            answer = await asking
            await asyncio.to_thread(north.end, signal.SIGKILL)

        with GatewayProcess(env=DEFAULT, data=north.data) as again:
            kept = [line.payload or "" for line in await asyncio.to_thread(journalled.lines, again.data)]

    assert answer.status_code == 200, answer.text
    assert any("it is open" in payload for payload in kept)
