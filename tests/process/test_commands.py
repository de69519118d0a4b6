"""A command is asked over HTTP, obeyed by a board, and every way it can fail is told apart."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.support.gateway import GatewayProcess

CONNECT = {"type": "connect", "device": "pan-tilt", "commands": {"pan": {"angle": {"type": "number"}}}}


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess(env={"DARVAZ_COMMAND_DEADLINE_S": "0.5"}) as running:
        yield running


async def ask(gateway: GatewayProcess, device: str, name: str, **args: Any) -> httpx.Response:
    return await asyncio.to_thread(gateway.post, f"/api/devices/{device}/commands/{name}", json=args)


async def serve_one(gateway: GatewayProcess, answer: dict[str, Any] | None, *, leave: bool = False) -> httpx.Response:
    """Connects a board, sends it one command and lets it answer, stay silent or leave."""
    async with connect(f"{gateway.ws_url}/ws/pico") as board:
        await board.send(json.dumps(CONNECT))
        await board.recv()
        asking = asyncio.create_task(ask(gateway, "pan-tilt", "pan", angle=90))
        command = json.loads(await board.recv())
        assert (command["name"], command["args"]) == ("pan", {"angle": 90})
        if leave:
            await board.close()
        elif answer is not None:
            await board.send(json.dumps({"type": "ack", "id": command["id"], **answer}))
        return await asking


async def test_a_command_is_answered_with_its_acks_result(gateway: GatewayProcess) -> None:
    response = await serve_one(gateway, {"status": "ok", "result": {"angle": 90}})

    assert (response.status_code, response.json()) == (200, {"status": "ok", "result": {"angle": 90}})


async def test_a_command_that_the_board_refuses_says_why(gateway: GatewayProcess) -> None:
    response = await serve_one(gateway, {"status": "error", "message": "the servo is stuck"})

    assert (response.status_code, response.json()["code"]) == (502, "refused_by_board")
    assert response.json()["detail"] == "the servo is stuck"


async def test_a_command_without_an_answer_times_out(gateway: GatewayProcess) -> None:
    response = await serve_one(gateway, None)

    assert (response.status_code, response.json()["code"]) == (504, "timed_out")


async def test_a_board_that_leaves_fails_its_command_at_once(gateway: GatewayProcess) -> None:
    response = await serve_one(gateway, None, leave=True)

    assert (response.status_code, response.json()["code"]) == (503, "offline")


async def test_unknown_and_offline_devices_are_told_apart(gateway: GatewayProcess) -> None:
    await serve_one(gateway, {"status": "ok"})

    unknown = await ask(gateway, "nobody", "pan")
    offline = await ask(gateway, "pan-tilt", "pan")

    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_device")
    assert (offline.status_code, offline.json()["code"]) == (503, "offline")


@pytest.mark.parametrize(
    ("body", "status"), [(b"[]", 400), (b"{", 400), (b'{"angle":[1]}', 422), (b"{" + b" " * 17_000 + b"}", 413)]
)
async def test_bad_arguments_are_refused_with_a_sentence(gateway: GatewayProcess, body: bytes, status: int) -> None:
    async with connect(f"{gateway.ws_url}/ws/pico") as board:
        await board.send(json.dumps(CONNECT))
        await board.recv()

        response = await asyncio.to_thread(gateway.post, "/api/devices/pan-tilt/commands/pan", content=body)

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"]


async def test_an_undeclared_command_is_refused_by_name(gateway: GatewayProcess) -> None:
    async with connect(f"{gateway.ws_url}/ws/pico") as board:
        await board.send(json.dumps(CONNECT))
        await board.recv()

        response = await ask(gateway, "pan-tilt", "tilt")

    assert response.status_code == 422
    assert "pan" in response.json()["detail"]


async def test_an_operator_from_elsewhere_needs_a_token(gateway: GatewayProcess) -> None:
    stranger = {"X-Forwarded-For": "203.0.113.9"}

    listing = gateway.get("/api/devices", headers=stranger)
    command = gateway.post("/api/devices/pan-tilt/commands/pan", headers=stranger)

    assert (listing.status_code, command.status_code) == (401, 401)


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


def test_the_command_line_says_what_to_do_when_no_gateway_answers() -> None:
    failed = run_cli("devices", "--gateway", "http://127.0.0.1:1")

    assert failed.returncode == 1
    assert "darvaz serve" in failed.stderr


def run_cli(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "darvaz", *arguments], capture_output=True, text=True, timeout=60, check=False
    )
