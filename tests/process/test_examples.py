"""The examples do what they say, with virtual boards."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.gateway import GatewayProcess
from tests.support.webserver import wait_until

EXAMPLES = Path(__file__).parents[2] / "examples"
DEADLINE_S = 40.0


@pytest.mark.timeout(100)
async def test_the_servo_follows_what_moves_in_the_picture() -> None:
    with GatewayProcess() as gateway:
        environment = {**os.environ, "DARVAZ_GATEWAY": gateway.url}
        simulation = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "darvaz", "simulate", env=environment, stdout=subprocess.DEVNULL
        )
        script = [sys.executable, str(EXAMPLES / "follow_motion.py"), "virtual-esp32cam-1", "virtual-pico-1"]
        try:
            await asyncio.to_thread(until_online, gateway)
            following = await asyncio.create_subprocess_exec(*script, env=environment, stdout=subprocess.PIPE)
            assert following.stdout is not None
            async with asyncio.timeout(DEADLINE_S):
                said = [(await following.stdout.readline()).decode() for _ in range(4)]
            following.send_signal(signal.SIGINT)
            assert await asyncio.wait_for(following.wait(), DEADLINE_S) == 0
        finally:
            simulation.terminate()
            await simulation.wait()

    # The ball goes from side to side: so does the servo.
    angles = [int(match[1]) for line in said if (match := re.search(r"turned to (\d+)°", line))]
    assert len(angles) == 4 and len(set(angles)) > 1
    assert all(60 <= angle <= 120 for angle in angles)


def until_online(gateway: GatewayProcess) -> None:
    wait_until(lambda: sum(one["online"] for one in gateway.get("/api/devices").json()["devices"]) == 2)
