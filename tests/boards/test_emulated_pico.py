"""The Pico's program on the real firmware of a Pico W, emulated; for who has that firmware's file.

pip install --pre 'rp2040py==1.0.0b1'
DARVAZ_PICO_W_UF2=RPI_PICO_W-20250415-v1.25.0.uf2 make test ARGS='-k emulated -s'
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import re
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from darvaz.boards.virtual.firmware import write_flash
from tests.support.gateway import GatewayProcess
from tests.support.mpremote import mpremote

UF2 = os.environ.get("DARVAZ_PICO_W_UF2", "")
DEADLINE_S = 120.0
# The one network that the emulated radio finds; it takes any password.
NETWORK = {"ssid": "RP2040PY-GUEST", "password": "password"}
# The emulator skips the time in which a board has nothing to do, and a gateway that is away in the real world would
# seem to take for ever: told that it waits for the real world, it does not.
LAUNCH = """
import sys
from rp2040py import simulator
class Patient(simulator.Simulator):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.real_io_begin()
import rp2040py.cli, rp2040py.device.base_device
rp2040py.cli.Simulator = rp2040py.device.base_device.Simulator = Patient
sys.argv = ["rp2040py", "micropython", "--board", "pico_w", "--pty", "--image", sys.argv[1]]
sys.exit(rp2040py.cli.main())
"""

pytestmark = [
    pytest.mark.skipif(not UF2, reason="DARVAZ_PICO_W_UF2 does not name a firmware file: it may not be redistributed"),
    pytest.mark.skipif(importlib.util.find_spec("rp2040py") is None, reason="pip install --pre rp2040py==1.0.0b1"),
    pytest.mark.timeout(400),
]


@pytest.fixture
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess("--host", "0.0.0.0", "--public-tokens", "always") as running:
        yield running


@pytest.fixture
async def port() -> AsyncIterator[str]:
    """The serial port of an emulated Pico W."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LAUNCH, UF2, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not (found := re.search(rb"/dev/pts/\d+", await process.stdout.readline())):
                assert process.returncode is None, "the emulator ended"
        yield found[0].decode()
    finally:
        process.kill()
        await process.wait()


def own_address() -> str:
    """Returns an address of this machine that is not loopback: the emulator's network reaches no other."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        address: str = probe.getsockname()[0]
    return address


def ask(gateway: GatewayProcess, command: str, /, **args: Any) -> Any:
    answer = gateway.post(f"/api/devices/pico/commands/{command}", json=args)
    assert answer.status_code == 200, answer.text
    return answer.json()["result"]


async def test_emulated_pico_w_comes_online_and_obeys(gateway: GatewayProcess, port: str, tmp_path: Path) -> None:
    url = f"ws://{own_address()}:{gateway.port}"
    write_flash(tmp_path / "flash", "pico", "pico", url, gateway.token(), networks=[NETWORK], country="DE")
    await mpremote(port, "cp", "-r", str(tmp_path / "flash" / "."), ":", deadline_s=DEADLINE_S)

    await mpremote(port, "reset")

    give_up = time.monotonic() + DEADLINE_S
    while not any(device["online"] for device in gateway.get("/api/devices").json()["devices"]):
        assert time.monotonic() < give_up, "the emulated Pico W did not come online"
        await asyncio.sleep(0.2)
    assert ask(gateway, "pan", angle=90)["angle"] == 90
    told = ask(gateway, "info")
    print("heap of the emulated Pico W:", json.dumps(told))
    assert told["heap_free_bytes"] > 60_000
    for angle in range(0, 180, 20):
        assert ask(gateway, "pan", angle=angle)["angle"] == angle
