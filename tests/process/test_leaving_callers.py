"""Callers that close their connection while a command waits, on a real socket."""

from __future__ import annotations

import asyncio
import contextlib

import httpx

from darvaz.client.local_token import LocalTokenAuth
from darvaz.gateway.devices.presence import PENDING_PER_DEVICE_MAX
from tests.support.board import board_at
from tests.support.gateway import GatewayProcess

DEADLINE_S = 60.0


async def test_a_caller_that_closes_its_connection_makes_room_for_the_next() -> None:
    with GatewayProcess() as gateway:
        auth = LocalTokenAuth(gateway.url, gateway.data)
        async with board_at(gateway.ws_url, "silent") as board, asyncio.timeout(DEADLINE_S):
            for _ in range(PENDING_PER_DEVICE_MAX + 2):
                async with httpx.AsyncClient(auth=auth, trust_env=False, verify=False) as caller:
                    url = f"{gateway.url}/api/devices/silent/commands/wait"
                    asking = asyncio.create_task(caller.post(url, json={}, timeout=DEADLINE_S))
                    received = asyncio.create_task(board.receive("command"))
                    await asyncio.wait((asking, received), return_when=asyncio.FIRST_COMPLETED)
                    assert not asking.done(), f"{asking.result().text}, though nobody waits any more"
                    asking.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await asking
