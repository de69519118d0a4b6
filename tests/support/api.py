"""Requests to the API of a gateway in process, as tests send them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx

from tests.support.app import RunningApp

_DEADLINE_S = 20.0
_POLL_S = 0.005


async def until(gateway: RunningApp, path: str, is_right: Callable[[Any], bool]) -> Any:
    """Asks until the answer is as wanted, and returns it."""
    found = None
    try:
        async with asyncio.timeout(_DEADLINE_S):
            while True:
                found = (await gateway.get(path)).json()
                if is_right(found):
                    return found
                await asyncio.sleep(_POLL_S)
    except TimeoutError:
        raise AssertionError(f"{path} stayed {found}") from None


def assert_problem(response: httpx.Response, status: int, code: str) -> None:
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    problem = response.json()
    assert (problem["status"], problem["code"]) == (status, code), response.text
    assert problem["detail"] and problem["title"] and problem["type"]
