"""Behind a reverse proxy: whose word about the client's address is believed, and whose is not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.support import journalled
from tests.support.gateway import GatewayProcess

CLIENT = "203.0.113.9"
CONNECT = '{"type":"connect","device":"behind"}'


@pytest.fixture(scope="module")
def trusting() -> Iterator[GatewayProcess]:
    """A gateway that believes a proxy on this machine."""
    with GatewayProcess("--trusted-proxies", "127.0.0.1, 198.51.100.0/24", "--links-per-address-max", "3") as gateway:
        yield gateway


async def address_of(gateway: GatewayProcess, device: str, forwarded: str) -> str | None:
    """Connects a device through a proxy that says for whom, and returns the address that was journalled."""
    headers = {"X-Forwarded-For": forwarded, "Authorization": f"Bearer {await asyncio.to_thread(gateway.token)}"}
    async with connect(f"{gateway.ws_url}/ws/pico", additional_headers=headers) as board:
        await board.send(json.dumps({"type": "connect", "device": device}))
        assert json.loads(await board.recv())["type"] == "connection_ack"
    (line,) = await asyncio.to_thread(journalled.wait_for_line, gateway.data, device=device, type="connect")
    return line.address


@pytest.mark.parametrize(
    ("device", "forwarded", "address"),
    [
        ("plain", CLIENT, CLIENT),
        ("with-port", f"{CLIENT}:51234", CLIENT),
        ("of-ipv6", "2001:db8::7", "2001:db8::7"),
        # What the client itself wrote stands to the left of what the proxy saw.
        ("pretending", f"127.0.0.1, {CLIENT}", CLIENT),
        ("behind-two", f"{CLIENT}, 198.51.100.3", CLIENT),
        ("nonsense", "<b>nonsense</b>", ""),
        ("long", "x" * 5000, ""),
    ],
)
async def test_a_trusted_proxy_names_the_client(
    trusting: GatewayProcess, device: str, forwarded: str, address: str
) -> None:
    assert await address_of(trusting, device, forwarded) == address


async def test_a_client_that_a_trusted_proxy_calls_localhost_still_needs_a_token(trusting: GatewayProcess) -> None:
    headers = {"X-Forwarded-For": "127.0.0.1"}

    async with connect(f"{trusting.ws_url}/ws/pico", additional_headers=headers) as board:
        await board.send(CONNECT)

        assert json.loads(await board.recv())["code"] == "not_authorised"
    assert (await asyncio.to_thread(trusting.get, "/api/devices", headers=headers)).status_code == 401


async def test_limits_hold_for_each_client_behind_the_proxy_and_not_for_the_proxy(trusting: GatewayProcess) -> None:
    url = f"{trusting.ws_url}/ws/pico"
    one, other = {"X-Forwarded-For": "203.0.113.50"}, {"X-Forwarded-For": "203.0.113.51"}
    boards = [await connect(url, additional_headers=one) for _ in range(3)]

    with pytest.raises(InvalidStatus) as refused:
        await connect(url, additional_headers=one)
    async with connect(url, additional_headers=other):
        pass

    assert refused.value.response.status_code == 429
    for board in boards:
        await board.close()


async def test_a_client_that_is_no_proxy_keeps_its_own_address() -> None:
    with GatewayProcess("--trusted-proxies", "192.0.2.1") as gateway:
        assert await address_of(gateway, "pretender", CLIENT) == "127.0.0.1"


async def test_without_a_proxy_nobodys_word_counts() -> None:
    with GatewayProcess() as gateway:
        assert await address_of(gateway, "pretender", CLIENT) == "127.0.0.1"
