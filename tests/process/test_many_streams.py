"""As many clients of events as there may be: each gets each event once, and the next one is told to wait."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys

import pytest

from darvaz.gateway.events.streams import CLIENTS_MAX
from tests.support.board import board_at
from tests.support.gateway import GatewayProcess

# Each address may have a hundred streams: all of 127.0.0.0/8 are this machine.
PER_ADDRESS = 90
LINES = 5
DEADLINE_S = 60.0
_REQUEST = b"GET /api/events?types=log HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n"
pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform != "linux", reason="other systems have one loopback address"),
]


def token_of(gateway: GatewayProcess) -> str:
    text: str = gateway.post("/api/tokens", json={"kind": "operator", "label": "client"}).json()["token"]
    return text


class Client:
    """One client, with an address and a token of its own or of few others."""

    def __init__(self, gateway: GatewayProcess, number: int, token: str) -> None:
        self._gateway = gateway
        self._address = f"127.0.1.{number // PER_ADDRESS + 1}"
        self._token = token

    async def open(self) -> bytes:
        """Asks for events; returns the head of the answer."""
        self._reader, self._writer = await asyncio.open_connection(
            "127.0.0.1", self._gateway.port, local_addr=(self._address, 0)
        )
        self._writer.write(_REQUEST % self._token.encode())
        head = await self._reader.readuntil(b"\r\n\r\n")
        if b" 200 " in head.split(b"\r\n")[0]:
            await self._reader.readuntil(b"event: hello")
        return head

    async def lines(self) -> list[str]:
        """Returns the texts of the next log lines."""
        found: list[str] = []
        while len(found) < LINES:
            line = await self._reader.readuntil(b"\n")
            if line.startswith(b"data: ") and b"message" in line:
                found.append(json.loads(line[6:])["message"])
        return found

    def close(self) -> None:
        self._writer.close()


async def test_a_thousand_clients_get_each_event_once_and_one_more_is_told_to_wait() -> None:
    with GatewayProcess() as gateway, contextlib.ExitStack() as ends:
        tokens = [token_of(gateway) for _ in range(CLIENTS_MAX // PER_ADDRESS + 1)]
        clients = [Client(gateway, number, tokens[number // PER_ADDRESS]) for number in range(CLIENTS_MAX)]
        async with asyncio.timeout(DEADLINE_S * 2):
            for client in clients:
                head = await client.open()
                ends.callback(client.close)
                assert head.startswith(b"HTTP/1.1 200"), head
            beyond = Client(gateway, CLIENTS_MAX, tokens[-1])
            refused = await beyond.open()
            ends.callback(beyond.close)
            async with board_at(gateway.ws_url, "told") as board:
                for number in range(LINES):
                    await board.send("log", message=f"line {number}", level="info")
                received = await asyncio.gather(*(client.lines() for client in clients))

    assert refused.startswith(b"HTTP/1.1 503")
    assert b"retry-after" in refused.lower()
    assert received == [[f"line {number}" for number in range(LINES)]] * CLIENTS_MAX
