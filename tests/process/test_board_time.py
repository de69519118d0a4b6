"""A board that was cut off sends what it kept: each reading is in the history at the time at which it was taken."""

from __future__ import annotations

import time

import pytest

from tests.support.board import board_at
from tests.support.gateway import GatewayProcess

COUNT = 300
EVERY_MS = 2000
UPTIME_MS = 3_600_000


async def test_readings_of_an_outage_are_kept_at_the_time_they_were_taken() -> None:
    with GatewayProcess() as gateway:
        async with board_at(gateway.ws_url, "logger", uptime_ms=UPTIME_MS, boot_id="b1") as board:
            for number in range(COUNT):
                at_ms = UPTIME_MS - (COUNT - number) * EVERY_MS
                await board.send("telemetry", values={"level": number}, uptime_ms=at_ms)
            await board.send("ping")
            await board.receive("pong")
            points = gateway.get("/api/devices/logger/telemetry/level?from=-7200&points=2000").json()["points"]
            newest = gateway.get("/api/devices/logger").json()["values"]["level"]

    assert len(points) == COUNT
    assert points[-1][0] - points[0][0] == pytest.approx((COUNT - 1) * EVERY_MS / 1000, abs=0.1)
    assert newest["value"] == COUNT - 1
    assert time.time() - 60 < newest["time"] < time.time()
