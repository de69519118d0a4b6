"""How many links an address may hold: an IPv6 network of 64 bits counts as one, neighbours one by one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from websockets.exceptions import InvalidStatus

from tests.support.app import RunningApp

pytestmark = pytest.mark.asyncio(loop_scope="module")

LINKS_MAX = 3


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway() -> AsyncIterator[RunningApp]:
    async with RunningApp(links_per_address_max=LINKS_MAX) as running:
        yield running


@pytest.mark.parametrize(
    ("network", "is_one"),
    [("2001:db8:1:2::", True), ("fd00:1234::", False), ("fe80::", False), ("::ffff:203.0.113.", False)],
)
async def test_one_link_more_than_an_address_may_have_is_refused(
    gateway: RunningApp, network: str, is_one: bool
) -> None:
    links = [await gateway.open_websocket("/ws/pico", None, f"{network}{number}") for number in range(1, LINKS_MAX + 1)]

    try:
        if is_one:
            with pytest.raises(InvalidStatus) as refused:
                await gateway.open_websocket("/ws/pico", None, f"{network}99")
            assert refused.value.response.status_code == 429
        else:
            links.append(await gateway.open_websocket("/ws/pico", None, f"{network}99"))
    finally:
        for link in links:
            await link.close()
