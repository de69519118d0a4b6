"""A gateway of a cluster that is killed while boards send: what a board was told is kept is at every gateway later."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from darvaz.client.local_token import LocalTokenAuth
from darvaz.pytest_plugin.gateway_process import GatewayProcess
from tests.support.nats_server import NatsServer

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cluster")]

BOARDS, LINES, TOGETHER = 6, 200, 10
_DEADLINE_S = 90.0


@contextlib.contextmanager
def gateway(folder: Path, name: str, server: NatsServer) -> Iterator[GatewayProcess]:
    (folder / name).mkdir()
    made = GatewayProcess(
        folder / name / "data", folder / f"{name}.log", "--cluster", server.url, "--cluster-node", name
    )
    made.start()
    try:
        yield made
    finally:
        made.stop()
        made.close()


class CountingBoard:
    """Logs numbered lines, and goes to the other gateway with those that were not confirmed when its own is away."""

    def __init__(self, name: str, gateways: list[GatewayProcess]) -> None:
        self.name = name
        self._gateways = gateways
        self.confirmed = 0
        """Lines before this number are on a disk, as a gateway said."""

    async def run(self) -> None:
        """Goes on until all lines are confirmed."""
        turn = 0
        while self.confirmed < LINES:
            at = self._gateways[turn % len(self._gateways)]
            turn += 1
            with contextlib.suppress(ConnectionClosed, OSError, TimeoutError):
                async with connect(at.ws_url + "/ws/pico", proxy=None, open_timeout=5) as link:
                    await self._talk(link)

    async def _talk(self, link: ClientConnection) -> None:
        await link.send(json.dumps({"type": "connect", "device": self.name, "boot_id": "only"}))
        async with asyncio.timeout(20):
            while json.loads(await link.recv())["type"] != "connection_ack":
                pass
        while self.confirmed < LINES:
            for number in range(self.confirmed, self.confirmed + TOGETHER):
                line = {"type": "log", "level": "info", "message": f"line {number}", "seq": number}
                await link.send(json.dumps({**line, "uptime_ms": 1000 + number}))
            # The pong of the WebSocket comes once the lines are on a disk.
            async with asyncio.timeout(20):
                await (await link.ping())
            self.confirmed += TOGETHER


async def lines_at(at: GatewayProcess, device: str) -> Counter[str]:
    """Returns how often a gateway has each line of a board."""
    found: Counter[str] = Counter()
    auth = LocalTokenAuth(at.url, at.data)
    query: dict[str, Any] = {"device": device, "type": "log", "limit": 1000}
    async with httpx.AsyncClient(base_url=at.url, trust_env=False, auth=auth, timeout=30) as client:
        while True:
            page = (await client.get("/api/journal", params=query)).raise_for_status().json()
            found.update(json.loads(row["payload"])["message"] for row in page["rows"])
            if page["older"] is None:
                return found
            query["before"] = page["older"]


async def until_all_are_at(at: GatewayProcess, boards: list[CountingBoard]) -> None:
    """Waits until a gateway has every line of the boards, and checks that few are there twice."""
    wanted = {f"line {number}" for number in range(LINES)}
    async with asyncio.timeout(_DEADLINE_S):
        for board in boards:
            # Nobody tells.
            while not wanted <= (found := await lines_at(at, board.name)).keys():  # noqa: ASYNC110
                await asyncio.sleep(0.2)
            # What was sent again to the other gateway, since the first one was killed before it confirmed it.
            assert sum(found.values()) <= LINES + TOGETHER


async def test_every_confirmed_line_is_at_each_gateway_though_one_was_killed(tmp_path: Path) -> None:
    with (
        NatsServer(tmp_path) as server,
        gateway(tmp_path, "one", server) as one,
        gateway(tmp_path, "two", server) as two,
    ):
        boards = [CountingBoard(f"counter-{number}", [one, two]) for number in range(BOARDS)]
        running = [asyncio.create_task(board.run()) for board in boards]
        async with asyncio.timeout(_DEADLINE_S):
            while min(board.confirmed for board in boards) < LINES // 4:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            one.kill()
            await asyncio.gather(*running)
        one.start()
        for at in (one, two):
            await until_all_are_at(at, boards)
