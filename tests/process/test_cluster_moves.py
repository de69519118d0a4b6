"""A thousand boards move from gateway to gateway, as those restart in turn: each is at one of them in the end."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import httpx
import pytest

from bench.cluster import gateway
from bench.cluster_failover import SimulatedBoards, online_at
from darvaz.client.local_token import LocalTokenAuth
from darvaz.pytest_plugin.gateway_process import GatewayProcess
from tests.support.nats_server import NatsServer

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cluster"), pytest.mark.timeout(400)]

BOARDS = 1_000
DEADLINE_S = 150.0


async def until_all_are_known(boards: SimulatedBoards, *gateways: GatewayProcess) -> None:
    """Waits until each board has a link, and each gateway has all of them, without any twice."""
    async with asyncio.timeout(DEADLINE_S):
        # Nobody tells.
        while boards.here < BOARDS or not all([await is_whole(each) for each in gateways]):  # noqa: ASYNC110
            await asyncio.sleep(0.25)


async def is_whole(at: GatewayProcess) -> bool:
    """Returns whether a gateway knows all boards online, and the links of all gateways are as many."""
    async with httpx.AsyncClient(auth=LocalTokenAuth(at.url, at.data), trust_env=False, timeout=60) as client:
        nodes = (await client.get(f"{at.url}/api/cluster")).raise_for_status().json()["nodes"]
    links = sum(int(node["devices_online"]) for node in nodes)
    return await online_at(at) == links == BOARDS


async def test_a_thousand_boards_move_as_each_gateway_restarts_in_turn(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(NatsServer(tmp_path)).url
        options = ("--cluster", url, "--links-per-address-max", "1000000")
        one, two = [stack.enter_context(gateway(tmp_path, name, *options)) for name in ("one", "two")]
        boards = SimulatedBoards([one.port, two.port], BOARDS)
        try:
            await until_all_are_known(boards, one, two)
            for leaving, staying in ((one, two), (two, one)):
                await asyncio.to_thread(leaving.stop)
                await until_all_are_known(boards, staying)
                await asyncio.to_thread(leaving.start)
                await until_all_are_known(boards, one, two)
        finally:
            await boards.close()
