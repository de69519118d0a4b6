"""Automations beside a real gateway: a rule sends a command to a board, and the journal tells it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from darvaz.client.asynchronous import AsyncGateway
from tests.support.board import board_at
from tests.support.gateway import GatewayProcess

_DEADLINE_S = 60.0
PROGRAM = """
from darvaz.automations import gw, when

@when(gw.group("barn").temperature < 5)
async def warm():
    await gw["greenhouse"].heat(level=2)
"""


async def journalled(client: AsyncGateway, type_: str, text: str) -> None:
    """Returns once the journal has an entry of a type that contains a text."""
    async with asyncio.timeout(_DEADLINE_S):
        while True:
            if any(text in entry["payload"] for entry in await client.journal(type=type_)):
                return
            await asyncio.sleep(0.1)


async def test_a_rule_for_a_group_sends_a_command(tmp_path: Path) -> None:
    (tmp_path / "house.py").write_text(PROGRAM, encoding="utf-8")
    with GatewayProcess(env={"DARVAZ_AUTOMATIONS": str(tmp_path)}) as gateway:
        async with (
            AsyncGateway(gateway.url) as client,
            board_at(gateway.ws_url, "greenhouse", commands={"heat": {"level": {"type": "integer"}}}) as board,
        ):
            await client._http.patch("/api/devices/greenhouse", json={"groups": ["barn"]})
            await journalled(client, "automations started", "house.warm")
            sending = asyncio.create_task(keep_sending(board))
            command = await board.receive("command")
            sending.cancel()
            await board.send("ack", id=command["id"], status="ok")
            await journalled(client, "automation", "house.warm")

    assert (command["name"], command["args"]) == ("heat", {"level": 2})


async def keep_sending(board: object) -> None:
    """Reports the value until the automations have seen it: they connect in their own time."""
    for number in range(10_000):
        await board.send("telemetry", values={"temperature": 3 + number % 2 / 2})  # type: ignore[attr-defined]
        await asyncio.sleep(0.1)
