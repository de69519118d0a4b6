"""Behind a reverse proxy: which headers about the client's address are trusted."""

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
    """A gateway that trusts a proxy on this machine."""
    with GatewayProcess("--trusted-proxies", "127.0.0.1, 198.51.100.0/24", "--links-per-address-max", "3") as gateway:
        yield gateway


async def address_of(gateway: GatewayProcess, device: str, forwarded: str) -> str | None:
    """Connects a device through a proxy, with its X-Forwarded-For, and returns the address in the journal."""
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
        # The client's own header is to the left of the address that the proxy adds.
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


async def test_a_client_that_is_localhost_by_the_header_still_needs_a_token(trusting: GatewayProcess) -> None:
    headers = {"X-Forwarded-For": "127.0.0.1"}

    async with connect(f"{trusting.ws_url}/ws/pico", additional_headers=headers) as board:
        await board.send(CONNECT)

        assert json.loads(await board.recv())["code"] == "not_authorised"
    assert (await asyncio.to_thread(trusting.get, "/api/devices", headers=headers)).status_code == 401


async def test_limits_apply_to_each_client_behind_the_proxy_and_not_to_the_proxy(trusting: GatewayProcess) -> None:
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


async def test_the_header_of_an_untrusted_address_is_ignored() -> None:
    with GatewayProcess("--trusted-proxies", "192.0.2.1") as gateway:
        assert await address_of(gateway, "pretender", CLIENT) == "127.0.0.1"


async def test_without_trusted_proxies_the_header_is_ignored() -> None:
    with GatewayProcess() as gateway:
        assert await address_of(gateway, "pretender", CLIENT) == "127.0.0.1"
