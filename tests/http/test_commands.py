"""Commands over HTTP: a board carries one out, and each way to fail has its own status and code."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from darvaz.gateway.devices.presence import PENDING_PER_DEVICE_MAX
from tests.support.app import RunningApp
from tests.support.board import board_at

pytestmark = pytest.mark.asyncio(loop_scope="module")

COMMANDS = {"pan": {"angle": {"type": "number"}}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway() -> AsyncIterator[RunningApp]:
    async with RunningApp(command_deadline_s=0.3) as running:
        yield running


async def ask(gateway: RunningApp, device: str, name: str, **args: Any) -> httpx.Response:
    return await gateway.post(f"/api/devices/{device}/commands/{name}", json=args)


async def serve_one(gateway: RunningApp, answer: dict[str, Any] | None, *, leave: bool = False) -> httpx.Response:
    """Connects a board, sends it one command and lets it answer, stay silent or disconnect."""
    async with board_at(gateway, "pan-tilt", commands=COMMANDS) as board:
        asking = asyncio.create_task(ask(gateway, "pan-tilt", "pan", angle=90))
        command = json.loads(await board.link.recv())
        assert (command["name"], command["args"]) == ("pan", {"angle": 90})
        if leave:
            await board.link.close()
        elif answer is not None:
            await board.link.send(json.dumps({"type": "ack", "id": command["id"], **answer}))
        return await asking


async def test_a_command_is_answered_with_its_acks_result(gateway: RunningApp) -> None:
    response = await serve_one(gateway, {"status": "ok", "result": {"angle": 90}})

    assert (response.status_code, response.json()) == (200, {"status": "ok", "result": {"angle": 90}})


async def test_a_command_that_the_board_refuses_says_why(gateway: RunningApp) -> None:
    response = await serve_one(gateway, {"status": "error", "message": "the servo is stuck"})

    assert (response.status_code, response.json()["code"]) == (502, "refused_by_board")
    assert response.json()["detail"] == "the servo is stuck"


async def test_a_command_without_an_answer_times_out(gateway: RunningApp) -> None:
    response = await serve_one(gateway, None)

    assert (response.status_code, response.json()["code"]) == (504, "timed_out")


async def test_a_command_gets_the_time_that_its_board_declared(gateway: RunningApp) -> None:
    async with board_at(gateway, "pan-tilt", commands=COMMANDS, deadlines_s={"pan": 1}) as board:
        asking = asyncio.create_task(ask(gateway, "pan-tilt", "pan", angle=90))
        command = json.loads(await board.link.recv())
        # Longer than the gateway's own deadline.
        await asyncio.sleep(0.4)
        await board.send("ack", id=command["id"], status="ok", result=90)
        answer = await asking

    assert (answer.status_code, answer.json()["result"]) == (200, 90)


async def test_a_board_that_leaves_fails_its_command_at_once(gateway: RunningApp) -> None:
    response = await serve_one(gateway, None, leave=True)

    assert (response.status_code, response.json()["code"]) == (503, "offline")


async def test_callers_that_leave_make_room_for_others(gateway: RunningApp) -> None:
    async with board_at(gateway, "pan-tilt", commands=COMMANDS) as board:
        leaving = [asyncio.create_task(ask(gateway, "pan-tilt", "pan", angle=1)) for _ in range(PENDING_PER_DEVICE_MAX)]
        for _ in leaving:
            await board.link.recv()
        beyond = await ask(gateway, "pan-tilt", "pan", angle=2)
        for caller in leaving:
            caller.cancel()
        await asyncio.gather(*leaving, return_exceptions=True)

        response = await serve_here(gateway, board)

    assert (beyond.status_code, beyond.json()["code"]) == (429, "busy")
    assert response.status_code == 200


async def serve_here(gateway: RunningApp, board: Any) -> httpx.Response:
    """Sends one command to a board that is here, and has it answer."""
    asking = asyncio.create_task(ask(gateway, "pan-tilt", "pan", angle=3))
    command = json.loads(await board.link.recv())
    await board.link.send(json.dumps({"type": "ack", "id": command["id"], "status": "ok"}))
    return await asking


async def test_unknown_and_offline_devices_are_told_apart(gateway: RunningApp) -> None:
    await serve_one(gateway, {"status": "ok"})

    unknown = await ask(gateway, "nobody", "pan")
    offline = await ask(gateway, "pan-tilt", "pan")

    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_device")
    assert (offline.status_code, offline.json()["code"]) == (503, "offline")


@pytest.mark.parametrize(
    ("body", "status"), [(b"[]", 400), (b"{", 400), (b'{"angle":[1]}', 422), (b"{" + b" " * 17_000 + b"}", 413)]
)
async def test_bad_arguments_are_refused_with_a_sentence(gateway: RunningApp, body: bytes, status: int) -> None:
    async with board_at(gateway, "pan-tilt", commands=COMMANDS):
        response = await gateway.post("/api/devices/pan-tilt/commands/pan", content=body)

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"]


async def test_an_undeclared_command_is_refused_by_name(gateway: RunningApp) -> None:
    async with board_at(gateway, "pan-tilt", commands=COMMANDS):
        response = await ask(gateway, "pan-tilt", "tilt")

    assert response.status_code == 422
    assert "pan" in response.json()["detail"]


async def test_an_operator_on_another_machine_needs_a_token(gateway: RunningApp) -> None:
    external = {"X-Forwarded-For": "203.0.113.9"}

    listing = await gateway.get("/api/devices", headers=external)
    command = await gateway.post("/api/devices/pan-tilt/commands/pan", headers=external)

    assert (listing.status_code, command.status_code) == (401, 401)
