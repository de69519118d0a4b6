"""The newest values and the last arguments of a board: kept over restarts of the gateway, unknown after its own."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.app import RunningApp
from tests.support.board import Board, board_at

pytestmark = pytest.mark.asyncio(loop_scope="module")
COMMANDS = {"pan": {"angle": {"type": "number", "min": 0, "max": 180}}}


async def report(board: Board, **values: Any) -> None:
    """Has a board report values, also how it is, and waits until the gateway has heard them."""
    await board.send("telemetry", values=values)
    await board.send("pong", rssi_dbm=-50)
    await board.send("ping")
    await board.receive("pong")


async def values_of(gateway: RunningApp, device: str = "pico") -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the newest values as the list of devices has them, and as the telemetry of the device."""
    described = (await gateway.get(f"/api/devices/{device}")).json()["values"]
    newest = (await gateway.get(f"/api/devices/{device}/telemetry")).json()["values"]
    return tuple({name: reading["value"] for name, reading in found.items()} for found in (described, newest))  # type: ignore[return-value]


async def test_newest_values_of_any_type_survive_a_restart_of_the_gateway() -> None:
    async with RunningApp() as gateway:
        async with board_at(gateway, "pico", boot_id="b1") as board:
            await report(board, t=20.5, mode="open", lamp=True)
        before = (await gateway.get("/api/devices/pico")).json()["values"]
        await gateway.restart()

        assert (await gateway.get("/api/devices/pico")).json()["values"] == before
        assert (await values_of(gateway))[1] == {"t": 20.5, "mode": "open", "lamp": True, "rssi_dbm": -50}

        async with board_at(gateway, "pico", boot_id="b1") as board:
            await report(board, t=21)
        assert (await values_of(gateway))[0] == {"t": 21, "mode": "open", "lamp": True}


async def test_what_came_at_once_is_heard_in_its_order_and_the_last_value_is_the_newest() -> None:
    received: list[Any] = []
    async with RunningApp() as gateway, board_at(gateway, "pico") as board:
        gateway.parts.bus.subscribe(("telemetry", "log"), lambda *event: received.append(event[2]))
        link: Any = gateway.parts.hub._connected["pico"].link
        reports = [f'{{"type":"telemetry","values":{{"t":{number}}}}}' for number in range(3)]

        link.receive_packets([*reports[:2], '{"type":"log","message":"between","level":"info"}', reports[2]])

        await board.send("ping")
        await board.receive("pong")
        assert (await values_of(gateway))[0] == {"t": 2}
        entries = [entry.type for entry in await gateway.journal(device="pico") if entry.type in ("telemetry", "log")]
    assert [getattr(message, "message", None) or message.values["t"] for message in received] == [0, 1, "between", 2]
    assert sorted(entries) == ["log", "telemetry", "telemetry", "telemetry"]


@pytest.mark.parametrize("is_restarted", [False, True])
async def test_a_board_that_started_again_has_no_values_until_it_tells_them(is_restarted: bool) -> None:
    async with RunningApp() as gateway:
        async with board_at(gateway, "pico", boot_id="b1") as board:
            await report(board, t=20, mode="open")
        if is_restarted:
            await gateway.restart()
        async with board_at(gateway, "pico", boot_id="b2") as board:
            assert await values_of(gateway) == ({}, {"t": None, "rssi_dbm": -50})
            await gateway.restart()
            assert await values_of(gateway) == ({}, {"t": None, "rssi_dbm": -50})
        async with board_at(gateway, "pico", boot_id="b2") as board:
            await report(board, t=1)
            assert await values_of(gateway) == ({"t": 1}, {"t": 1, "rssi_dbm": -50})


async def test_a_board_that_tells_no_start_keeps_its_values() -> None:
    async with RunningApp() as gateway:
        async with board_at(gateway, "pico") as board:
            await report(board, t=20)
        await gateway.restart()
        async with board_at(gateway, "pico"):
            assert (await values_of(gateway))[0] == {"t": 20}


async def test_newest_values_survive_a_kill_with_the_start_that_they_belong_to(tmp_path: Path) -> None:
    async with RunningApp() as gateway:
        async with board_at(gateway, "pico", boot_id="b1") as board:
            await report(board, t=20, mode="open")
            await gateway.parts.recorder.wait_until_durable(10)
            assert await gateway.parts.history.wait_until_stored(10)
            await board.send("telemetry", values={"t": 21}, seq=0)
            await report(board, lamp=True)
        assert await gateway.parts.store(10)
        shutil.copytree(gateway.data, tmp_path / "kept", ignore=shutil.ignore_patterns("*.sock"))
        await gateway.stop()
        shutil.rmtree(gateway.data)
        shutil.move(tmp_path / "kept", gateway.data)
        await gateway.start()

        assert (await values_of(gateway))[0] == {"t": 21, "mode": "open", "lamp": True}
        async with board_at(gateway, "pico", boot_id="b2"):
            assert (await values_of(gateway))[0] == {}


async def test_a_forgotten_device_leaves_no_values() -> None:
    async with RunningApp() as gateway:
        async with board_at(gateway, "pico", boot_id="b1") as board:
            await report(board, t=20)
        await gateway.restart()
        await gateway.ask("DELETE", "/api/devices/pico")
        await gateway.restart()
        async with board_at(gateway, "pico", boot_id="b1"):
            assert await values_of(gateway) == ({}, {})


async def test_last_arguments_survive_a_restart_of_the_gateway_and_not_of_the_board() -> None:
    async with RunningApp() as gateway:
        async with board_at(gateway, "pico", boot_id="b1", commands=COMMANDS) as board:
            asking = asyncio.create_task(gateway.post("/api/devices/pico/commands/pan", json={"angle": 90}))
            await board.send("ack", id=(await board.receive("command"))["id"])
            assert (await asking).status_code == 200
        await gateway.restart()
        assert await _last_args(gateway) == {"pan": {"angle": 90}}

        async with board_at(gateway, "pico", boot_id="b2", commands=COMMANDS):
            assert await _last_args(gateway) == {}


async def _last_args(gateway: RunningApp) -> Any:
    return (await gateway.get("/api/devices/pico")).json()["last_args"]
