"""Asking a running gateway's API, as tests do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx

from tests.support.gateway import GatewayProcess

DEADLINE_S = 20.0


async def ask(gateway: GatewayProcess, method: str, path: str, **options: Any) -> httpx.Response:
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, timeout=30) as client:
        return await client.request(method, path, **options)


async def until(gateway: GatewayProcess, path: str, is_so: Callable[[Any], bool]) -> Any:
    """Asks again and again until the answer is as wanted."""
    deadline_s = time.monotonic() + DEADLINE_S
    while True:
        found = (await ask(gateway, "GET", path)).json()
        if is_so(found):
            return found
        assert time.monotonic() < deadline_s, found
        await asyncio.sleep(0.05)


def assert_problem(response: httpx.Response, status: int, code: str) -> None:
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    assert response.headers["content-type"] == "application/problem+json"
