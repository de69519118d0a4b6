"""Rules over HTTP: made, followed, run at once, and what is refused."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.support.app import RunningApp
from tests.support.board import Board, board_at

COLD = {"when": "below", "device": "shed", "value": "t", "threshold": 5, "command": "on", "to_device": "heater"}


async def follow(board: Board) -> dict[str, Any]:
    """Carries out one command and returns it."""
    message = await board.receive("command")
    await board.send("ack", id=message["id"], status="ok")
    return message


async def runs_of(gateway: RunningApp, count: int) -> list[dict[str, Any]]:
    """Returns the runs of the first rule, once there are some."""
    async with asyncio.timeout(20):
        while True:
            runs: list[dict[str, Any]] = (await gateway.get("/api/rules")).json()["rules"][0]["runs"]
            if len(runs) >= count:
                return runs
            await asyncio.sleep(0.02)


async def test_a_reading_sends_a_command_to_another_board() -> None:
    async with (
        RunningApp() as gateway,
        board_at(gateway, "shed") as shed,
        board_at(gateway, "heater", commands={"on": {"level": {"type": "integer"}}}) as heater,
    ):
        made = (await gateway.post("/api/rules", json={**COLD, "args": {"level": 3}})).json()
        await shed.send("telemetry", values={"t": 4})
        command = await follow(heater)
        by_itself = await runs_of(gateway, 1)
        running = asyncio.create_task(gateway.post(f"/api/rules/{made['id']}/runs"))
        await follow(heater)
        by_hand = (await running).json()
        journal = (await gateway.get("/api/journal?type=rule")).json()["rows"]
        gone = await gateway.ask("DELETE", f"/api/rules/{made['id']}")
        none = (await gateway.get("/api/rules")).json()["rules"]

    assert made["sentence"] == 'shed: t below 5 → heater: on {"level":3}'
    assert (command["name"], command["args"]) == ("on", {"level": 3})
    assert (by_itself[0]["cause"], by_itself[0]["device"], by_itself[0]["is_ok"]) == ("condition", "shed", True)
    assert (by_hand["cause"], by_hand["is_ok"]) == ("by_hand", True)
    assert len(journal) == 2
    assert (gone.status_code, none) == (204, [])


async def test_what_cannot_be_is_refused_with_what_to_do() -> None:
    async with RunningApp() as gateway, board_at(gateway, "shed"):
        unknown = await gateway.post("/api/rules", json={**COLD, "to_device": "no board!"})
        nothing = await gateway.post("/api/rules", json={"when": "offline", "device": "shed"})
        message = {"when": "offline", "device": "shed", "message": "gone", "channels": ["nobody"]}
        channel = await gateway.post("/api/rules", json=message)
        silent = {"when": "offline", "device": "shed", "message": "gone", "is_on": False}
        made = (await gateway.post("/api/rules", json=silent)).json()
        run = (await gateway.post(f"/api/rules/{made['id']}/runs")).json()
        gone = await gateway.post("/api/rules/none/runs")

    assert (unknown.status_code, "no board!" in unknown.json()["detail"]) == (422, True)
    assert (nothing.status_code, "a command or a message" in nothing.json()["detail"]) == (422, True)
    assert "no channel 'nobody'" in channel.json()["detail"]
    assert (run["is_ok"], "no channel" in run["detail"]) == (False, True)
    assert gone.status_code == 404
