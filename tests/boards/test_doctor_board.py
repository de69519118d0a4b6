"""`darvaz doctor DEVICE` as a person runs it: of played boards and of a virtual one, at a real gateway."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from darvaz.boards.virtual import VirtualBoard
from darvaz.boards.virtual.firmware import write_flash
from tests.boards.test_crash_reports import TASK, boot_of, crash_of
from tests.support.board import board_at, link_to
from tests.support.gateway import GatewayProcess
from tests.support.verbs import Done, darvaz

pytestmark = pytest.mark.timeout(120)
WELL: dict[str, Any] = {
    "version": "0.1.0", "boot_id": "first", "reset_cause": "power_on", "heap_free_bytes": 140_000,
    "program": {"state": "flashed", "has_key": True, "mpy": 6, "micropython": "1.29.0"},
}  # fmt: skip


@pytest.fixture
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess() as running:
        yield running


async def examine(gateway: GatewayProcess, device: str) -> tuple[Done, dict[str, dict[str, Any]]]:
    """Returns how the verb ended, and its findings by step."""
    done = await darvaz("doctor", device, "--gateway", gateway.url, "--json")
    return done, {step["step"]: step for step in json.loads(done.out)["steps"]}


def outcomes(steps: dict[str, dict[str, Any]], wanted: str) -> set[str]:
    return {name for name, step in steps.items() if step["outcome"] == wanted}


async def test_a_board_that_is_well_gives_exit_status_0(gateway: GatewayProcess) -> None:
    async with board_at(gateway.ws_url, "lamp", token=gateway.token(), **WELL) as board:
        await board.send("pong", rssi_dbm=-60, heap_free_bytes=140_000, uptime_s=5)
        await board.send("ping")
        await board.receive("pong")
        done, steps = await examine(gateway, "lamp")
        shown = await darvaz("doctor", "lamp", "--gateway", gateway.url)

    assert (done.code, outcomes(steps, "failed"), outcomes(steps, "advice")) == (0, set(), set()), done.out + done.err
    assert steps["signal"]["detail"] == "-60 dBm"
    assert shown.code == 0 and "lamp is all right." in shown.out


async def test_each_thing_that_is_wrong_is_named_with_its_remedy(gateway: GatewayProcess) -> None:
    token = gateway.token()
    ill: dict[str, Any] = {"version": "0.0.1", "boot_id": "second", "reset_cause": "watchdog", "heap_free_bytes": 9_000}
    async with board_at(gateway.ws_url, "lamp", token=token, **ill) as board:
        await board.send("log", level="info", message="one", uptime_ms=1, seq=0)
        await board.send("log", level="info", message="nine", uptime_ms=9, seq=8)
        await board.send("pong", rssi_dbm=-90, uptime_s=5)
        await board.send("ping")
        await board.receive("pong")
        other = gateway.token()
        async with board_at(gateway.ws_url, "fan", token=other, **WELL):
            async with link_to(gateway.ws_url, "/ws/pico", {"Authorization": f"Bearer {other}"}) as link:
                await link.send(json.dumps({"type": "connect", "device": "lamp"}))
                assert json.loads(await link.recv())["code"] == "not_allowed"
        done, steps = await examine(gateway, "lamp")

    assert done.code == 1
    assert outcomes(steps, "failed") == {"starts", "signal", "heap", "lost", "sign-ins"}, done.out
    assert outcomes(steps, "advice") == {"updates", "firmware"}
    assert "7 messages" in steps["lost"]["detail"] and "belongs to another device" in steps["sign-ins"]["detail"]
    assert all(step["remedy"] for step in steps.values() if step["outcome"] in ("failed", "advice"))


async def test_a_virtual_board_whose_task_died_is_told_with_its_crash(gateway: GatewayProcess, tmp_path: Path) -> None:
    write_flash(tmp_path, "pico", "pump", gateway.ws_url, gateway.token(), program={"/main.py": TASK.encode()})
    async with VirtualBoard("pico", tmp_path):
        await boot_of(gateway, "pump")
        crash = await crash_of(gateway)
        done, steps = await examine(gateway, "pump")
    assert done.code == 1 and outcomes(steps, "failed") == {"crashes"}, done.out
    assert f"darvaz crashes {crash['id']}" in steps["crashes"]["remedy"]
    assert steps["starts"]["detail"].startswith("starts in the last day: 1,") and steps["firmware"]["outcome"] == "ok"


async def test_a_board_that_is_away_is_told_with_the_end_of_its_link(gateway: GatewayProcess) -> None:
    async with board_at(gateway.ws_url, "lamp", token=gateway.token(), **WELL):
        pass

    shown = await darvaz("doctor", "lamp", "--gateway", gateway.url)

    assert shown.code == 1 and "offline, last seen" in shown.out and "→" in shown.out
    assert "Something is wrong: link." in shown.out


async def test_an_id_that_the_gateway_does_not_know_is_said_so(gateway: GatewayProcess) -> None:
    done, steps = await examine(gateway, "nobody")

    assert done.code == 1 and steps.keys() == {"link", "sign-ins"}
    assert "does not know this id" in steps["link"]["detail"] and "darvaz devices" in steps["link"]["remedy"]


async def test_a_device_with_a_dot_in_its_id_is_a_device_and_an_address_is_not(gateway: GatewayProcess) -> None:
    async with board_at(gateway.ws_url, "shelf.1", token=gateway.token(), **WELL):
        done, steps = await examine(gateway, "shelf.1")
        address = await darvaz("doctor", gateway.ws_url, "--json", "--idle", "0")

    assert done.code == 0 and "encryption" in steps
    assert json.loads(address.out)["url"].startswith(gateway.ws_url)


async def test_without_a_gateway_the_device_is_not_taken_for_an_address() -> None:
    done = await darvaz("doctor", "lamp", "--gateway", "http://127.0.0.1:1")

    assert done.code == 1 and done.err.startswith("Error: ") and "127.0.0.1:1" in done.err
