"""A program that dies on a board tells why at its next connect: on real MicroPython, with the real gateway."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from darvaz.boards.virtual import VirtualBoard
from darvaz.boards.virtual.firmware import write_flash
from tests.support.gateway import GatewayProcess

pytestmark = pytest.mark.timeout(120)
DEADLINE_S = 60.0
HEAD = "import asyncio\nimport board\nfrom darvaz import Device\nimport darvaz.device\ndarvaz.device.RESTART_S = 0.1\n"
TASK = (
    HEAD
    + """
device = Device(board)

def measure(litres):
    return 1 / litres

@device.task
async def ends():
    await asyncio.sleep(0.5)
    measure(0)

device.run()
"""
)
# The library raises once, at the end of the first link: nothing of a maker's gets there.
RAISING = (
    HEAD
    + """
import os
from darvaz import supervisor
attempt = supervisor.Supervisor._conclude

def conclude(self, entry):
    try:
        os.stat("/died")
    except OSError:
        open("/died", "w").close()
        self._device.log.info("the tank is empty")
        raise ValueError("no water")
    return attempt(self, entry)

supervisor.Supervisor._conclude = conclude
device = Device(board)

@device.command
def part():
    device.link.end("a test")

device.run()
"""
)


@pytest.fixture
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess() as running:
        yield running


def wait_until(condition: Callable[[], object]) -> None:
    """Waits longer than others do: a board that starts again under load takes its time."""
    give_up_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < give_up_s
        time.sleep(0.05)


async def crash_of(gateway: GatewayProcess) -> Any:
    """Waits for the one group of crashes that the gateway has, and returns it."""
    found: list[Any] = []

    def look() -> bool:
        found[:] = gateway.get("/api/crashes").json()["crashes"]
        return bool(found)

    await asyncio.to_thread(wait_until, look)
    [crash] = found
    return crash


async def boot_of(gateway: GatewayProcess, device: str) -> str:
    """Waits until a device is online, and returns the id of its start."""

    def is_online() -> bool:
        return bool(gateway.get(f"/api/devices/{device}").json().get("online"))

    await asyncio.to_thread(wait_until, is_online)
    return str(gateway.get(f"/api/devices/{device}").json()["boot_id"])


async def send(gateway: GatewayProcess, device: str, command: str) -> None:
    await asyncio.to_thread(gateway.post, f"/api/devices/{device}/commands/{command}", json={})


async def test_a_task_that_ends_is_told_at_once_and_once(gateway: GatewayProcess, tmp_path: Path) -> None:
    write_flash(tmp_path, "pico", "pump", gateway.ws_url, None, program={"/main.py": TASK.encode()})
    async with VirtualBoard("pico", tmp_path):
        crash = await crash_of(gateway)
        await asyncio.to_thread(wait_until, lambda: not (tmp_path / "crash.json").exists())

    assert (crash["reason"], crash["count"], crash["devices"]) == ("task", 1, {"pump": 1})
    assert crash["title"] == "ZeroDivisionError: divide by zero in measure"
    report = crash["report"]
    assert 'File "main.py", line' in report["traceback"] and report["heap_free_bytes"] > 0
    assert report["heap_largest_bytes"] > 1024 and report["ran_ms"] > 0
    assert any("ends failed" in line for line in report["log"])
    words = [sys.executable, "-m", "darvaz", "crashes", crash["id"], "--gateway", gateway.url]
    shown = await asyncio.to_thread(subprocess.run, words, capture_output=True, text=True, timeout=DEADLINE_S)
    assert "in measure" in shown.stdout and "reason task" in shown.stdout, shown.stderr


async def test_a_program_that_dies_tells_why_at_the_next_start(gateway: GatewayProcess, tmp_path: Path) -> None:
    # As source: there the wait before the restart can be shortened.
    program = {"/main.py": RAISING.encode()}
    write_flash(tmp_path, "pico", "pump", gateway.ws_url, None, program=program, is_source=True)
    async with VirtualBoard("pico", tmp_path):
        boot_id = await boot_of(gateway, "pump")
        await send(gateway, "pump", "part")
        crash = await crash_of(gateway)

    assert (crash["reason"], crash["report"]["boot_id"]) == ("exception", boot_id)
    assert crash["title"].startswith("ValueError: no water")
    assert any("the tank is empty" in line for line in crash["report"]["log"])


async def test_a_watchdog_that_bites_is_found_by_the_gateway(gateway: GatewayProcess, tmp_path: Path) -> None:
    hanging = (
        HEAD + "device = Device(board)\n@device.command\ndef hang():\n    while True:\n        pass\ndevice.run()\n"
    )
    program = {"/main.py": hanging.encode()}
    write_flash(tmp_path, "esp32cam", "eye", gateway.ws_url, None, program=program, watchdog=True)
    async with VirtualBoard("esp32cam", tmp_path):
        await boot_of(gateway, "eye")
        _, crash = await asyncio.gather(send(gateway, "eye", "hang"), crash_of(gateway))

    assert (crash["reason"], crash["report"]["reset_cause"]) == ("watchdog", "watchdog")
    assert "reset by the watchdog" in gateway.get("/api/journal?type=crash").text
