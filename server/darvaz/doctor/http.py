"""HTTP for the checks: a GET without extras, as a board sends it, and the beginning of its answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import httpx

_BODY_BYTES_MAX = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, with at most the first bytes of its body."""

    status: int
    is_json: bool
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


async def get(http: httpx.AsyncClient, path: str, deadline_s: float) -> Answer:
    """Fetches a path; raises `httpx.HTTPError` or `TimeoutError`."""
    async with asyncio.timeout(deadline_s), http.stream("GET", path) as response:
        body = bytearray()
        async for part in response.aiter_bytes(_BODY_BYTES_MAX):
            body += part
            if len(body) >= _BODY_BYTES_MAX:
                break
        is_json = response.headers.get("content-type", "").startswith("application/json")
        return Answer(response.status_code, is_json, bytes(body[:_BODY_BYTES_MAX]))
