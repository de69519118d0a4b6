"""The examples, and what the README shows for programs elsewhere, do what they say with virtual boards."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.gateway import GatewayProcess
from tests.support.webserver import wait_until

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ELSEWHERE = README.partition("## Use it from elsewhere")[2].partition("\n## ")[0]
DEADLINE_S = 40.0

pytestmark = pytest.mark.timeout(100)


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    """A gateway at which two virtual boards are online."""
    with GatewayProcess() as gateway:
        simulation = subprocess.Popen(
            [sys.executable, "-m", "darvaz", "simulate"], env=environment_of(gateway), stdout=subprocess.DEVNULL
        )
        try:
            wait_until(lambda: sum(one["online"] for one in gateway.get("/api/devices").json()["devices"]) == 2)
            yield gateway
        finally:
            simulation.terminate()
            simulation.wait()


def environment_of(gateway: GatewayProcess) -> dict[str, str]:
    return {**os.environ, "DARVAZ_GATEWAY": gateway.url}


async def test_the_servo_follows_what_moves_in_the_picture(gateway: GatewayProcess) -> None:
    script = [sys.executable, str(ROOT / "examples/follow_motion.py"), "virtual-esp32cam-1", "virtual-pico-1"]

    following = await asyncio.create_subprocess_exec(
        *script, env=environment_of(gateway), stdout=subprocess.PIPE
    )  # fmt: skip
    assert following.stdout is not None
    async with asyncio.timeout(DEADLINE_S):
        lines = [(await following.stdout.readline()).decode() for _ in range(4)]
    following.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(following.wait(), DEADLINE_S) == 0

    # The ball goes from side to side: so does the servo.
    angles = [int(match[1]) for line in lines if (match := re.search(r"turned to (\d+)°", line))]
    assert len(angles) == 4 and len(set(angles)) > 1
    assert all(60 <= angle <= 120 for angle in angles)


def test_the_shell_commands_of_the_readme_switch_the_lamp(gateway: GatewayProcess) -> None:
    (block,) = re.findall(r"^```sh\n(.*?)^```", ELSEWHERE, re.MULTILINE | re.DOTALL)
    here = block.replace(".venv/bin/darvaz", f"{shlex.quote(sys.executable)} -m darvaz")
    here = here.replace("http://localhost:3000", gateway.url).replace("curl", "curl --silent --fail")

    ran = subprocess.run(
        ["sh", "-e", "-c", here], env=environment_of(gateway), capture_output=True, text=True, timeout=60
    )

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("true") == 2


def test_the_python_program_of_the_readme_switches_the_lamp(gateway: GatewayProcess) -> None:
    (program,) = re.findall(r"^```python\n(.*?)^```", ELSEWHERE, re.MULTILINE | re.DOTALL)

    subprocess.run([sys.executable, "-c", program], env=environment_of(gateway), check=True, timeout=60)

    devices = {device["id"]: device for device in gateway.get("/api/devices").json()["devices"]}
    assert devices["virtual-pico-1"]["last_args"]["led"] == {"on": True}
