"""The command line sends commands to a running gateway."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Iterator

import pytest
from websockets.asyncio.client import connect

from darvaz.client import AsyncGateway
from tests.support.gateway import GatewayProcess
from tests.support.verbs import run_darvaz

CONNECT = {"type": "connect", "device": "pan-tilt", "commands": {"pan": {"angle": {"type": "number"}}}}


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess(env={"DARVAZ_COMMAND_DEADLINE_S": "0.5"}) as running:
        yield running


async def test_the_command_line_sends_a_command_and_prints_the_result(gateway: GatewayProcess) -> None:
    async with connect(f"{gateway.ws_url}/ws/pico") as board:
        await board.send(json.dumps(CONNECT))
        await board.recv()
        arguments = ["send", "pan-tilt", "pan", "angle=90", "--gateway", gateway.url]
        sending = asyncio.create_task(asyncio.to_thread(run_cli, *arguments))
        command = json.loads(await board.recv())
        await board.send(json.dumps({"type": "ack", "id": command["id"], "status": "ok", "result": "done"}))
        sent = await sending
        listed = await asyncio.to_thread(run_cli, "devices", "--json", "--gateway", gateway.url)

    assert (sent.returncode, sent.stdout) == (0, '"done"\n')
    assert json.loads(listed.stdout)[0]["online"] is True


async def test_one_command_goes_to_all_of_a_group(gateway: GatewayProcess) -> None:
    async with connect(f"{gateway.ws_url}/ws/pico") as board:
        await board.send(json.dumps(CONNECT))
        await board.recv()
        await asyncio.to_thread(run_cli, "group", "add", "green", "pan-tilt", "--gateway", gateway.url)
        arguments = ["send", "--to", "green", "pan", "angle=90", "--gateway", gateway.url]
        sending = asyncio.create_task(asyncio.to_thread(run_cli, *arguments))
        command = json.loads(await board.recv())
        await board.send(json.dumps({"type": "ack", "id": command["id"], "status": "ok", "result": 90}))
        sent = await sending
    async with AsyncGateway(gateway.url) as client:
        offline = await client.group("green").pan(angle=1)

    assert (sent.returncode, sent.stdout) == (0, "pan-tilt: 90\n")
    assert (command["name"], command["args"]) == ("pan", {"angle": 90})
    assert (offline["pan-tilt"].is_ok, offline["pan-tilt"].code) == (False, "offline")


def test_the_command_line_says_what_to_do_when_no_gateway_answers() -> None:
    failed = run_cli("devices", "--gateway", "http://127.0.0.1:1")

    assert failed.returncode == 1
    assert "darvaz serve" in failed.stderr


def run_cli(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run_darvaz(*arguments)
