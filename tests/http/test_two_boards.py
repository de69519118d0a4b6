"""Two boards with one id, and boards that connect again and again: told, and no flood of the journal."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from darvaz.gateway.devices.rivals import RETURNS_MAX
from darvaz.gateway.parts import LINKS_RECORDED_PER_MINUTE
from tests.support.app import RunningApp
from tests.support.asgi import MemoryWebSocket

pytestmark = pytest.mark.asyncio(loop_scope="module")

HERE, THERE = "192.168.1.7", "192.168.1.8"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def token(gateway: RunningApp) -> AsyncIterator[str]:
    """One token, as in a configuration that was copied."""
    yield gateway.parts.access.tokens.issue("pico").text


async def join(
    gateway: RunningApp, token: str, device: str, address: str, **introduction: Any
) -> tuple[MemoryWebSocket, dict[str, Any]]:
    """Connects a board; returns its link and the gateway's first message."""
    link = await gateway.open_websocket("/ws/pico", {"Authorization": f"Bearer {token}"}, address)
    await link.send(json.dumps({"type": "connect", "device": device, **introduction}))
    return link, json.loads(await link.recv())


async def test_two_boards_with_one_id_are_told_and_one_of_them_stays(gateway: RunningApp, token: str) -> None:
    answers = []
    for number in range(1 + RETURNS_MAX + 2):
        link, answer = await join(gateway, token, "twin", (HERE, THERE)[number % 2])
        answers.append(answer)

    (line,) = await gateway.journal(type="two boards", device="twin")
    assert HERE in (line.payload or "") and THERE in (line.payload or "")
    assert [answer["type"] for answer in answers].count("connection_ack") == 1 + RETURNS_MAX + 1
    assert (answers[-1]["type"], answers[-1]["field"]) == ("error", "device")
    assert answers[-1]["retry_after_s"] > 0
    assert "two boards have the id twin" in answers[-1]["message"]
    await link.close()


async def test_boards_of_one_address_are_told_apart_by_their_starts(gateway: RunningApp) -> None:
    token = gateway.parts.access.tokens.issue("pico").text
    for number in range(5):
        await join(gateway, token, "clone", HERE, boot_id=("first", "second")[number % 2])

    assert len(await gateway.journal(type="two boards", device="clone")) == 1


async def test_a_board_that_is_replaced_is_told_where_the_other_one_is(gateway: RunningApp) -> None:
    token = gateway.parts.access.tokens.issue("pico").text
    await join(gateway, token, "moved", HERE)
    await join(gateway, token, "moved", THERE)

    (line,) = await gateway.journal(type="disconnected", device="moved")
    assert (line.payload or "").endswith(f"took over, at {THERE}")


async def test_links_without_end_do_not_fill_the_journal(gateway: RunningApp) -> None:
    token, address = gateway.parts.access.tokens.issue("pico").text, "192.168.1.99"
    most = max(LINKS_RECORDED_PER_MINUTE, 4 * gateway.parts.settings.links_per_address_max)
    for _ in range(most + 20):
        link, _ = await join(gateway, token, "restless", address)
        await link.close()

    lines = await gateway.journal(address=address)
    types = [line.type for line in lines]
    assert (types.count("connected"), types.count("disconnected")) == (most, most)
    assert types.count("reconnecting") == 1
