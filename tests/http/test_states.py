"""Texts and truth values over time: each change once, also those that the database does not have yet."""

from __future__ import annotations

from tests.support.app import RunningApp
from tests.support.board import board_at

REPORTED = ({"lid": False, "mode": "heat"}, {"lid": True, "mode": "heat"}, {"lid": True, "mode": "idle"})


async def test_each_change_is_told_once_before_and_after_it_is_in_the_database() -> None:
    async with RunningApp() as gateway, board_at(gateway, "shed") as board:
        for values in REPORTED:
            await board.send("telemetry", values=values)
        await board.send("ping")
        await board.receive("pong")
        waiting = [(await gateway.get(f"/api/devices/shed/telemetry/{n}/states")).json()["states"] for n in REPORTED[0]]
        await gateway.get("/api/telemetry/export")
        stored = [(await gateway.get(f"/api/devices/shed/telemetry/{n}/states")).json()["states"] for n in REPORTED[0]]
        later = (await gateway.get("/api/devices/shed/telemetry/mode/states?from=-0.000001")).json()["states"]
        none = (await gateway.get("/api/devices/shed/telemetry/mode/states?to=1000")).json()["states"]
        unknown = await gateway.get("/api/devices/nobody/telemetry/mode/states")

    # Of what comes in the same millisecond, the last is so.
    assert [states[-1][1] for states in waiting] == [True, "idle"]
    assert stored == waiting
    # What was so before the time is so at its beginning.
    assert [value for _, value in later] == ["idle"]
    assert (none, unknown.status_code) == ([], 404)
