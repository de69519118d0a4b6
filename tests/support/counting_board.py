"""A board that counts: it numbers what it says, and says it again until the gateway has confirmed it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections import deque

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

# It makes no more while this many wait.
_WAITING_MAX = 60
_RETRY_S = 0.05
_ANSWER_S = 5.0


class CountingBoard:
    """Sends readings and log lines by turns, each with its number, as a board's outbox does."""

    def __init__(self, url: str, device: str, seed: int) -> None:
        self._url = f"{url}/ws/pico"
        self._device = device
        self._random = random.Random(seed)
        self._waiting: deque[int] = deque()
        self.made = 0
        # Numbers below this one were confirmed.
        self.confirmed = 0

    async def run(self) -> None:
        """Connects again and again, until it is cancelled."""
        while True:
            with contextlib.suppress(OSError, WebSocketException, TimeoutError):
                await self._talk()
            await asyncio.sleep(_RETRY_S)

    async def _talk(self) -> None:
        async with connect(self._url, proxy=None, ping_interval=None, open_timeout=5) as link:
            introduction = {"type": "connect", "device": self._device, "boot_id": "b1", "uptime_ms": 10**7}
            await link.send(json.dumps(introduction))
            async with asyncio.timeout(_ANSWER_S):
                await link.recv()
            for number in list(self._waiting):
                await link.send(self._text(number))
            while True:
                for _ in range(self._random.randrange(6) if len(self._waiting) < _WAITING_MAX else 0):
                    self._waiting.append(self.made)
                    await link.send(self._text(self.made))
                    self.made += 1
                until = self.made
                # Not `wait_for`: before Python 3.12, a cancellation that comes with the answer is lost in it.
                async with asyncio.timeout(_ANSWER_S):
                    await (await link.ping())
                while self._waiting and self._waiting[0] < until:
                    self.confirmed = self._waiting.popleft() + 1

    def _text(self, number: int) -> str:
        # So that each reading has a time of its own.
        uptime_ms = number * 10
        if number % 2:
            return json.dumps({"type": "log", "message": f"line {number}", "seq": number, "uptime_ms": uptime_ms})
        return json.dumps({"type": "telemetry", "values": {"n": number}, "seq": number, "uptime_ms": uptime_ms})
