"""Home Assistant discovers boards: what mDNS says of them, and when."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from zeroconf import ServiceStateChange
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from darvaz.gateway.esphome.announcements import Announcements
from darvaz.gateway.esphome.conversation import NodeInfo
from tests.support.app import RunningApp
from tests.support.board import board_at
from tests.support.home_assistant import assistant_at, node_of

pytestmark = pytest.mark.asyncio

_SERVICE = "_esphomelib._tcp.local."
_DEADLINE_S = 20.0
SETTINGS: dict[str, Any] = {
    "home_assistant": True,
    "home_assistant_addresses": "127.0.0.1",
    "home_assistant_port": 0,
}


class Browser:
    """Follows the boards that are announced on this machine's own network, as Home Assistant does."""

    def __init__(self, network: AsyncZeroconf) -> None:
        self.changes: asyncio.Queue[tuple[str, ServiceStateChange]] = asyncio.Queue()
        self._browser = AsyncServiceBrowser(network.zeroconf, _SERVICE, handlers=[self._note])

    async def next(self, node: str) -> ServiceStateChange:
        """Waits for the next change of a node, and returns it."""
        async with asyncio.timeout(_DEADLINE_S):
            while True:
                name, change = await self.changes.get()
                if name == f"{node}.{_SERVICE}":
                    return change

    async def close(self) -> None:
        """Ends."""
        await self._browser.async_cancel()

    def _note(self, *, name: str, state_change: ServiceStateChange, **_: Any) -> None:
        self.changes.put_nowait((name, state_change))


async def test_a_board_is_announced_while_it_is_here() -> None:
    found = AsyncServiceInfo(_SERVICE, f"darvaz-announced.{_SERVICE}")
    async with RunningApp(**SETTINGS) as gateway, AsyncZeroconf(interfaces=["127.0.0.1"]) as network:
        browser = Browser(network)
        async with board_at(gateway, "announced"):
            assert await browser.next("darvaz-announced") is ServiceStateChange.Added
            assert await found.async_request(network.zeroconf, 5_000)
            node = await node_of(gateway, "announced")
        assert await browser.next("darvaz-announced") is ServiceStateChange.Removed
        await browser.close()

    properties = {key.decode(): (value or b"").decode() for key, value in found.properties.items()}
    assert (found.server, found.port) == ("darvaz-announced.local.", node["port"])
    assert (properties["friendly_name"], properties["project_name"]) == ("announced", "darvaz.pico")
    assert len(bytes.fromhex(properties["mac"])) == 6
    assert "api_encryption" not in properties


async def test_a_board_is_announced_again_only_if_it_changed() -> None:
    board = NodeInfo("darvaz-same", "same", "02" * 6, "pico", "1", 0)
    announcements = Announcements(["127.0.0.1"])
    announcements.open()
    async with AsyncZeroconf(interfaces=["127.0.0.1"]) as network:
        browser = Browser(network)
        announcements.announce(board, 6053, is_encrypted=False)
        first = await browser.next("darvaz-same")
        # It was announced once of three times; the others have no answer.
        async with asyncio.timeout(_DEADLINE_S):
            while not announcements.has("darvaz-same"):  # noqa: ASYNC110 (zeroconf tells nobody)
                await asyncio.sleep(0.01)
        announcements.announce(replace(board), 6053, is_encrypted=False)
        await asyncio.sleep(0)
        was_left = announcements.has("darvaz-same")
        announcements.announce(board, 6054, is_encrypted=False)
        await asyncio.sleep(0)
        was_renewed = not announcements.has("darvaz-same")
        await announcements.close()
        await browser.close()

    assert (first, was_left, was_renewed) == (ServiceStateChange.Added, True, True)


async def test_a_node_has_the_mac_of_its_board_where_that_is_known() -> None:
    async def mac_of(device: str, **introduction: Any) -> str:
        async with board_at(gateway, device, **introduction), assistant_at(gateway, device) as home:
            return (await home.client.device_info()).mac_address

    async with RunningApp(**SETTINGS) as gateway:
        own = await mac_of("own-mac", mac="28cdc10a0b0c")
        of_two = await mac_of("same-mac", mac="28cdc10a0b0c")
        of_many = await mac_of("group-mac", mac="01005e000001")
        replaced = await mac_of("own-mac", mac="28cdc1ffffff")

    assert own == replaced == "28:CD:C1:0A:0B:0C"
    # Another board that says the same, and an address of no board: each has one that is kept for it.
    assert of_two.startswith("02:") and of_many.startswith("02:")
