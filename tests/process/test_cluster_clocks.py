"""A gateway of a cluster whose clock is ten minutes ahead: what ends at a time ends for all, and order stays."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.process.test_cluster_access import joined
from tests.support.app import RunningApp
from tests.support.board import board_at
from tests.support.gateway import GatewayProcess
from tests.support.mosquitto import settled
from tests.support.nats_server import NatsServer

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("cluster")]

AHEAD_S = 600
# Read by Python before anything else.
SET_AHEAD = f"import time\nright = time.time\ntime.time = lambda: right() + {AHEAD_S}\n"


async def log_line(at: RunningApp | str, text: str) -> None:
    """Has a board come to a gateway, log a line, and stay until the gateway has read it."""
    async with board_at(at, "wanderer", boot_id=text) as board:
        await board.send("log", level="info", message=text, seq=0, uptime_ms=5)
        await board.send("ping", uptime_ms=6)
        await board.receive("pong")


async def rows_of(gateway: RunningApp, device: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (await gateway.get("/api/journal", params={"device": device, "type": "log"})).json()[
        "rows"
    ]
    return rows


async def test_a_clock_ten_minutes_ahead_changes_neither_ends_nor_order(nats: NatsServer, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(SET_AHEAD, encoding="utf-8")
    env = {"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    async with RunningApp(cluster=nats.url) as right:
        with GatewayProcess("--cluster", nats.url, "--cluster-node", "fast", env=env, is_exec=True) as fast:
            await settled(lambda: joined(right) and fast.get("/api/cluster").json()["state"] == "ok")

            # The window that one opens ends for the other at the same moment.
            right.parts.access.enrolment.close()
            await settled(lambda: left_at(fast) == 0)
            await asyncio.to_thread(fast.post, "/api/enrolment", json={"minutes": 5})
            await settled(lambda: right.parts.access.enrolment.seconds_left() > 0)
            opened_there_s = right.parts.access.enrolment.seconds_left()
            right.parts.access.enrolment.open_for(2)
            await settled(lambda: left_at(fast) < 130)
            opened_here_s = await asyncio.to_thread(left_at, fast)

            # A sign-in link that one made is neither over nor of the future for the other.
            made = (await asyncio.to_thread(fast.post, "/api/sign-in-links", json={})).json()["path"].partition("#")[2]
            await settled(lambda: right.parts.operators.links.use(made) is not None)

            # The newest link wins, and the journal has the lines as they came.
            async with board_at(fast.ws_url, "contested") as older:
                await settled(lambda: right.parts.hub.is_online("contested"))
                async with board_at(right, "contested"):
                    with pytest.raises(ConnectionClosed) as closed:
                        await older.receive("nothing")
            await log_line(fast.ws_url, "first")
            await settled(lambda: right.parts.devices.get("wanderer") is not None)
            async with asyncio.timeout(60):
                while not await rows_of(right, "wanderer"):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            await log_line(right, "second")
            rows = await rows_of(right, "wanderer")

    assert 290 < opened_there_s <= 300 and 110 < opened_here_s <= 120
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 4409
    assert [json.loads(row["payload"])["message"] for row in rows] == ["first", "second"]
    assert all(abs(row["time"] - time.time()) < 60 for row in rows)


def left_at(gateway: GatewayProcess) -> float:
    """Returns for how long the enrolment window is open, as a gateway says."""
    found = gateway.get("/api/enrolment").json()
    return float(found["seconds_left"])
