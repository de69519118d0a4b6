"""Boards that ping ten times a second while something else is measured, and how long the gateway takes to answer."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable

from websockets.asyncio.client import connect

from bench.child import BenchError
from bench.gateway import DEVICE, Gateway

BOARDS = 50
_PING_EVERY_S = 0.1
_ANSWER_DEADLINE_S = 20.0
_PING = json.dumps({"type": "ping", "time": 1790000000})


async def ping_while(gateway: Gateway, work: Callable[[], None]) -> list[float]:
    """Returns the times of pings in microseconds while a thread does some work."""
    tokens = gateway.tokens.read_text().split()
    times_us: list[float] = []
    answered = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        boards = [group.create_task(_board(gateway.ws_url, n, tokens[n], times_us, answered)) for n in range(BOARDS)]
        await asyncio.sleep(2 * _PING_EVERY_S)
        times_us.clear()
        answered.clear()
        await asyncio.to_thread(work)
        # On a busy machine the first answer comes after a short work.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_ANSWER_DEADLINE_S):
                await answered.wait()
        for board in boards:
            board.cancel()
    return times_us


async def _board(url: str, number: int, token: str, times_us: list[float], answered: asyncio.Event) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    async with connect(f"{url}/ws/pico", additional_headers=headers, proxy=None, ping_interval=None) as link:
        await link.send(json.dumps({"type": "connect", "device": f"{DEVICE}-{number}"}))
        due_s = time.perf_counter() + number / BOARDS * _PING_EVERY_S
        while True:
            # At times of their own: boards that wait after an answer soon ping all at once.
            await asyncio.sleep(due_s - time.perf_counter())
            due_s = max(due_s + _PING_EVERY_S, time.perf_counter())
            begin_s = time.perf_counter()
            await link.send(_PING)
            while '"pong"' not in str(await link.recv()):
                pass
            times_us.append((time.perf_counter() - begin_s) * 1e6)
            answered.set()


def p99(times_us: list[float]) -> float:
    """Returns the time that 99 of 100 stay below; raises `BenchError` where nothing was measured."""
    if not times_us:
        raise BenchError("no ping was answered while it was measured")
    return sorted(times_us)[int(len(times_us) * 0.99)]
