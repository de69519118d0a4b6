"""A stream of server-sent events, read as a browser reads it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx

_DEADLINE_S = 20.0


class EventStream:
    """One open stream of events."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines
        self.last_id: str | None = None

    async def next(self, *types: str, device: str | None = None) -> dict[str, Any]:
        """Waits for the next event of some types, and of a device if one is named; others are passed over."""
        async with asyncio.timeout(_DEADLINE_S):
            while True:
                event = await self.read()
                if event["event"] in types and device in (None, event.get("device"), event.get("id")):
                    return event

    async def read(self) -> dict[str, Any]:
        """Returns the next event; raises `EOFError` at the end of the stream."""
        fields: dict[str, str] = {}
        async for line in self._lines:
            if not line and "data" in fields:
                self.last_id = fields.get("id", self.last_id)
                return {**json.loads(fields["data"]), "event": fields["event"]}
            name, colon, value = line.partition(": ")
            if colon and name:
                fields[name] = value
        raise EOFError("the stream ended")


@contextlib.asynccontextmanager
async def open_stream(client: httpx.AsyncClient, query: str = "") -> AsyncIterator[EventStream]:
    """Opens the stream of a gateway for the block, past its first event."""
    async with client.stream("GET", f"/api/events{query}") as response:
        assert response.status_code == 200, await response.aread()
        stream = EventStream(response.aiter_lines())
        await stream.next("hello")
        yield stream
