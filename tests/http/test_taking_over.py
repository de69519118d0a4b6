"""A device that gets a new token: when it may keep its id, and what the journal says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.app import RunningApp
from tests.support.asgi import MemoryWebSocket

pytestmark = pytest.mark.asyncio(loop_scope="module")

HERE, ELSEWHERE = "192.168.1.7", "192.168.1.66"


async def mint(gateway: RunningApp, address: str) -> str:
    tokens: str = (await gateway.ask("GET", "/public/tokens", address)).json()["pico_tokens"][0]
    return tokens


async def introduce(link: MemoryWebSocket, device: str) -> dict[str, Any]:
    await link.send(json.dumps({"type": "connect", "device": device}))
    return dict(json.loads(await link.recv()))


async def test_board_that_starts_again_at_its_address_takes_its_id_with_a_new_token(gateway: RunningApp) -> None:
    first, second = [{"Authorization": f"Bearer {await mint(gateway, HERE)}"} for _ in range(2)]
    async with gateway.websocket("/ws/pico", first, HERE) as before:
        await introduce(before, "again")
        async with gateway.websocket("/ws/pico", second, HERE) as link:
            answer = await introduce(link, "again")

    (line,) = await gateway.journal(type="taken over", device="again")
    assert answer["type"] == "connection_ack"
    assert (line.device, line.direction) == ("again", "=")
    assert all(header["Authorization"].split("_")[1] in (line.payload or "") for header in (first, second))


async def test_a_new_id_that_looks_like_a_known_one_is_told_and_is_another_device(gateway: RunningApp) -> None:
    token = {"Authorization": f"Bearer {await mint(gateway, HERE)}"}
    other = {"Authorization": f"Bearer {await mint(gateway, HERE)}"}
    async with gateway.websocket("/ws/pico", token, HERE) as first:
        await introduce(first, "oven")
        async with gateway.websocket("/ws/pico", other, HERE) as second:
            await introduce(second, "\u043even")

    (line,) = await gateway.journal(type="look-alike")
    assert line.device == "\u043even"
    assert "looks like oven" in (line.payload or "")


async def test_guest_does_not_take_the_id_of_a_board_that_is_online(gateway: RunningApp) -> None:
    own, guest = [{"Authorization": f"Bearer {await mint(gateway, address)}"} for address in (HERE, ELSEWHERE)]
    async with gateway.websocket("/ws/pico", own, HERE) as board:
        await introduce(board, "mine")
        async with gateway.websocket("/ws/pico", guest, ELSEWHERE) as link:
            answer = await introduce(link, "mine")
        await board.send('{"type":"ping"}')
        pong = json.loads(await board.recv())

    assert (answer["type"], answer["code"]) == ("error", "not_allowed")
    assert pong["type"] == "pong"
    assert await gateway.journal(type="taken over", device="mine") == []
