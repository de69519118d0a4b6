"""A wall clock that is set: who is signed in stays so, nothing is negative, and the journal tells."""

from __future__ import annotations

import time

import pytest

from darvaz.gateway.clock_watch import ClockWatch
from tests.support.app import RunningApp
from tests.support.board import board_at

pytestmark = pytest.mark.asyncio(loop_scope="module")
DAY_S = 86_400.0
JUMPS_S = [60 * DAY_S, -2 * 3600.0, -12 * 3600.0]


class WallClock:
    """The wall clock of the gateways of a test."""

    def __init__(self) -> None:
        self._time = time.time
        self.offset_s = 0.0

    def __call__(self) -> float:
        return self._time() + self.offset_s


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> WallClock:
    clock = WallClock()
    monkeypatch.setattr(time, "time", clock)
    return clock


@pytest.mark.parametrize("jump_s", JUMPS_S)
async def test_a_jump_of_the_clock_is_told_and_makes_no_time_negative(wall: WallClock, jump_s: float) -> None:
    async with RunningApp() as gateway:
        watch = ClockWatch(gateway.parts.journal, gateway.parts.hub.shift_times, wall)
        async with board_at(gateway, "pico") as board:
            await board.send("pong", rssi_dbm=-50)
            wall.offset_s = jump_s
            watch.look()
            await board.send("pong", rssi_dbm=-60)
            await board.send("ping")
            await board.receive("pong")
            known = (await gateway.get("/api/devices/pico")).json()
            newest = (await gateway.get("/api/devices/pico/telemetry")).json()["values"]
            health = (await gateway.get("/api/health")).json()
        entries = [line.payload for line in await gateway.journal(type="clock set")]

    assert 0 <= time.time() - known["since"] < 60
    assert known["first_seen"] <= known["last_seen"] <= time.time()
    assert 0 <= health["uptime_s"] < 60
    assert newest["rssi_dbm"]["value"] == -60
    assert entries == [f"{-jump_s:.0f} s back" if jump_s < 0 else f"{jump_s:.0f} s ahead, or this computer slept"]


async def test_a_start_with_a_clock_behind_the_journal_is_told(wall: WallClock) -> None:
    async with RunningApp() as gateway:
        await gateway.stop()
        wall.offset_s = -7200
        await gateway.start()
        [entry] = await gateway.journal(type="clock set")

    assert (entry.payload or "").endswith("s behind the newest entry of before")


async def test_a_start_with_a_clock_far_ahead_signs_nobody_out_and_deletes_no_token(wall: WallClock) -> None:
    async with RunningApp() as gateway:
        operators, tokens = gateway.parts.access.operators, gateway.parts.access.tokens
        token = tokens.issue("operator", expires_in_s=300 * DAY_S)
        session = operators.sessions.open("operator", None, "", token.token_id)
        wall.offset_s = 400 * DAY_S
        await gateway.restart()
        assert gateway.parts.access.operators.sessions.check(session.text, None) is None
        wall.offset_s = 0
        await gateway.restart()

        assert gateway.parts.access.operators.sessions.check(session.text, None) is not None
        assert gateway.parts.access.tokens.is_live(token.token_id)
