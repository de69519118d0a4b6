"""A board that a test drives message by message, over a real WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

_DEADLINE_S = 15.0


class Board:
    """One connected board."""

    def __init__(self, link: ClientConnection) -> None:
        self.link = link

    async def say(self, type_: str, **fields: Any) -> None:
        await self.link.send(json.dumps({"type": type_, **fields}))

    async def hear(self, type_: str) -> dict[str, Any]:
        """Waits for a message of a type; others are passed over."""
        async with asyncio.timeout(_DEADLINE_S):
            while True:
                message: dict[str, Any] = json.loads(await self.link.recv())
                if message["type"] == type_:
                    return message


@contextlib.asynccontextmanager
async def board_at(
    ws_url: str, device: str, kind: str = "pico", token: str | None = None, **introduction: Any
) -> AsyncIterator[Board]:
    """Connects a board, introduces it, and takes it away afterwards."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with connect(f"{ws_url}/ws/{kind}", additional_headers=headers, proxy=None) as link:
        board = Board(link)
        await board.say("connect", device=device, **introduction)
        await board.hear("connection_ack")
        yield board
