"""A board that a test drives message by message, over a real WebSocket or inside the test's process."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.support.app import RunningApp
from tests.support.asgi import MemoryWebSocket

_DEADLINE_S = 15.0


class Board:
    """One connected board."""

    def __init__(self, link: Any) -> None:
        # A connection of `websockets`, or a `MemoryWebSocket` with the same methods.
        self.link = link

    async def send(self, type_: str, **fields: Any) -> None:
        await self.link.send(json.dumps({"type": type_, **fields}))

    async def receive(self, type_: str) -> dict[str, Any]:
        """Waits for a message of a type; others are ignored."""
        async with asyncio.timeout(_DEADLINE_S):
            while True:
                message: dict[str, Any] = json.loads(await self.link.recv())
                if message["type"] == type_:
                    return message


@contextlib.asynccontextmanager
async def board_at(
    gateway: str | RunningApp, device: str, kind: str = "pico", token: str | None = None, **introduction: Any
) -> AsyncIterator[Board]:
    """Connects a board to a WebSocket URL or to a gateway in process, introduces it, and closes it afterwards."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with link_to(gateway, f"/ws/{kind}", headers) as link:
        board = Board(link)
        await board.send("connect", device=device, **introduction)
        await board.receive("connection_ack")
        yield board


def link_to(
    gateway: str | RunningApp, path: str, headers: dict[str, str]
) -> contextlib.AbstractAsyncContextManager[ClientConnection | MemoryWebSocket]:
    """Opens a WebSocket for the block."""
    if isinstance(gateway, RunningApp):
        return gateway.websocket(path, headers)
    return connect(gateway + path, additional_headers=headers, proxy=None)
