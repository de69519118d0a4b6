"""Updates over the air, from the gateway's API to boards that run them: on trial, good, back again, and away."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from darvaz.boards.virtual import VirtualBoard
from darvaz.cli.owner_key import make_owner_key, sign_release
from darvaz.client.prompt import RemotePrompt
from darvaz.client.synchronous import Gateway
from tests.support.gateway import GatewayProcess
from tests.support.updates import (
    deploy,
    make_board,
    program,
    states,
    until,
    until_introduced,
    until_online,
    upload,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

# What a program does instead of getting good, and what the rollout says about it.
BAD_PROGRAMS = {
    "raises": (b"import board\nboard.nothing_there\n", "line 2"),
    "loops": (b"while True:\n    pass\n", "3 starts"),
    "eats": (b"eaten = []\nwhile True:\n    eaten.append(bytearray(4096))\n", "MemoryError"),
    "returns": (b"print('done')\n", "3 starts"),
    "hides": (program(2, "import network\n@device.task\nasync def hide():\n    network.WLAN().active(False)\n"), ""),
    "unwell": (program(2, "def healthy():\n    raise ValueError('no sensor')\n"), "no sensor"),
    "hangs": (program(2, "import asyncio\nasync def healthy():\n    await asyncio.sleep(60)\n"), "did not return"),
    "short": (program(2, "import machine\n@device.on_connect\ndef end():\n    machine.reset()\n"), "3 starts"),
    "catches": (b"while True:\n    try:\n        1 / 0\n    except BaseException:\n        pass\n", "3 starts"),
    "unwilling": (program(2, "def healthy():\n    return False\n"), "healthy() returned False"),
}


def at_prompt(gateway: GatewayProcess, device: str, code: str) -> str:
    """Returns what code prints at the prompt of a board."""
    with Gateway(gateway.url) as client:
        return RemotePrompt(client, device).run(code)[0]


def is_over(found: dict[str, Any]) -> bool:
    return found["state"] in ("done", "stopped")


async def ask(gateway: GatewayProcess, device: str, command: str) -> Any:
    """Returns the result of a command; the boards are in this process, so it must not wait for them."""
    return (await asyncio.to_thread(gateway.post, f"/api/devices/{device}/commands/{command}")).json()["result"]


async def test_a_release_that_crashes_stops_at_the_canary_and_the_next_one_reaches_all(
    gateway: GatewayProcess, tmp_path: Path
) -> None:
    devices = ["fleet-1", "fleet-2", "fleet-3"]
    async with AsyncExitStack() as stack:
        for device in devices:
            await stack.enter_async_context(make_board(tmp_path / device, gateway, device))
        await until_online(gateway, *devices)

        first = deploy(gateway, upload(gateway, {"main.py": program(1), "colours.py": b"WARM = 1\n" * 900}), *devices)
        await until(gateway, first, is_over)
        crash = deploy(gateway, upload(gateway, {"main.py": b"import board\n1 / 0\n"}), *devices, canary=1)
        stopped = await until(gateway, crash, is_over)
        after_crash = [await ask(gateway, device, "release") for device in devices]
        fixed = deploy(gateway, upload(gateway, {"main.py": program(3)}), *devices, canary=1)
        done = await until(gateway, fixed, is_over)
        after_fix = [await ask(gateway, device, "release") for device in devices]

    assert states(gateway, first) == dict.fromkeys(devices, "good")
    assert stopped["state"] == "stopped" and "ZeroDivisionError" in stopped["reason"]
    assert stopped["counts"]["fell_back"] == 1
    assert after_crash == [1, 1, 1]
    assert done["state"] == "done" and done["counts"] == {"good": 3}
    assert after_fix == [3, 3, 3]


async def test_a_program_that_fails_in_any_way_makes_way_for_the_one_before(
    gateway: GatewayProcess, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        for device in BAD_PROGRAMS:
            await stack.enter_async_context(make_board(tmp_path / device, gateway, device))
        await until_online(gateway, *BAD_PROGRAMS)

        rollouts = {
            device: deploy(gateway, upload(gateway, {"main.py": main}), device)
            for device, (main, _) in BAD_PROGRAMS.items()
        }
        found = {device: await until(gateway, number, is_over) for device, number in rollouts.items()}
        await until_online(gateway, *BAD_PROGRAMS)

    assert {device: rollout["state"] for device, rollout in found.items()} == dict.fromkeys(BAD_PROGRAMS, "stopped")
    silent = {device: rollout["reason"] for device, rollout in found.items()}
    assert {device: reason for device, reason in silent.items() if BAD_PROGRAMS[device][1] not in reason} == {}


async def test_a_board_that_was_away_is_caught_up_and_one_without_a_key_is_refused(
    gateway: GatewayProcess, tmp_path: Path
) -> None:
    away = make_board(tmp_path / "away", gateway, "away-1")
    keyless = make_board(tmp_path / "keyless", gateway, "keyless-1")
    config = tmp_path / "keyless/config.json"
    config.write_text(config.read_text(encoding="utf-8").replace('"update_key"', '"another"'), encoding="utf-8")
    async with keyless:
        async with away:
            await until_online(gateway, "away-1", "keyless-1")
        number = deploy(gateway, upload(gateway, {"main.py": program(5)}), "away-1", "keyless-1")
        while_away = await until(gateway, number, lambda found: found["counts"].get("refused") == 1)
        async with VirtualBoard("pico", tmp_path / "away", name="away-1"):
            done = await until(gateway, number, is_over)

    assert while_away["counts"] == {"waiting": 1, "refused": 1}
    assert done["counts"] == {"good": 1, "refused": 1}
    refused = next(target for target in done["targets"] if target["state"] == "refused")
    assert "darvaz flash" in refused["reason"]


async def test_five_hundred_files_and_a_large_one_reach_a_board(gateway: GatewayProcess, tmp_path: Path) -> None:
    files = {f"data/{number % 7}/{number:03}.txt": b"%d" % number for number in range(498)}
    files |= {"main.py": program(8), "sounds.bin": bytes(range(256)) * 1200}
    async with make_board(tmp_path / "board", gateway, "full-1"):
        await until_online(gateway, "full-1")
        done = await until(gateway, deploy(gateway, upload(gateway, files), "full-1"), is_over)
        running = await ask(gateway, "full-1", "release")
    slot = tmp_path / "board/app_a"

    assert done["counts"] == {"good": 1} and running == 8
    assert {path: (slot / path).read_bytes() for path in files if path != "main.py"} == {
        path: data for path, data in files.items() if path != "main.py"
    }


async def test_a_board_that_knows_its_owner_takes_no_release_without_the_owners_signature(
    gateway: GatewayProcess, tmp_path: Path
) -> None:
    public = make_owner_key(tmp_path / "owner.pem")
    files = {"main.py": program(9)}
    signed = sign_release(tmp_path / "owner.pem", files)
    async with make_board(tmp_path / "board", gateway, "owned-1", owner_key=public):
        await until_online(gateway, "owned-1")
        unsigned = deploy(gateway, upload(gateway, files), "owned-1")
        waiting = await until(gateway, unsigned, lambda found: bool(found["targets"][0]["reason"]))
        done = await until(gateway, deploy(gateway, upload(gateway, files), "owned-1", **signed), is_over)
        running = await ask(gateway, "owned-1", "release")

    assert "not signed by the owner" in waiting["targets"][0]["reason"]
    assert done["counts"] == {"good": 1} and running == 9


async def test_a_gateway_that_is_killed_during_a_transfer_goes_on_after_its_start(tmp_path: Path) -> None:
    with GatewayProcess() as gateway:
        async with make_board(tmp_path / "board", gateway, "survivor"):
            await until_online(gateway, "survivor")
            files = {"main.py": program(6), "sounds.bin": bytes(range(256)) * 1200}
            number = deploy(gateway, upload(gateway, files), "survivor")
            await until(gateway, number, lambda found: found["counts"].get("transferring") == 1)
            gateway.kill()
            gateway.start()
            done = await until(gateway, number, is_over)

            assert done["counts"] == {"good": 1}
            assert await ask(gateway, "survivor", "release") == 6


async def test_a_good_program_that_dies_again_and_again_is_left_out_and_the_board_takes_a_repair(
    gateway: GatewayProcess, tmp_path: Path
) -> None:
    fragile = """
@device.command
def break_it():
    with open("/broken", "w") as file:
        file.write("x")

import os
if "broken" in os.listdir("/"):
    raise ValueError("the sensor is broken")
"""
    async with make_board(tmp_path / "board", gateway, "fragile-1"):
        await until_online(gateway, "fragile-1")
        first = deploy(gateway, upload(gateway, {"main.py": program(1, fragile)}), "fragile-1")
        await until(gateway, first, is_over)
        for command in ("break_it", "reboot"):
            assert await ask(gateway, "fragile-1", command) is None
        introduction = await until_introduced(gateway, "fragile-1", "safe_mode")
        info = await ask(gateway, "fragile-1", "info")
        found = await asyncio.to_thread(at_prompt, gateway, "fragile-1", "import os; print(sorted(os.listdir('/')))")
        repair = deploy(gateway, upload(gateway, {"main.py": program(2)}), "fragile-1")
        repaired = await until(gateway, repair, is_over)
        running = await ask(gateway, "fragile-1", "release")

    assert "the sensor is broken" in introduction["program"]["reason"]
    assert info["device"] == "fragile-1" and "'broken'" in found
    assert repaired["counts"] == {"good": 1} and running == 2
