"""One board of the soak: it comes, talks, answers commands, and ends its link in one of many ways, again and again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
import struct
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

STEP_DEADLINE_S = 20.0
PAUSE_S_MAX = 0.5
SILENCE_S_MAX = 2.0
STEPS_MAX = 60
_OVERSIZE_BYTES = 200_000


@dataclass
class Tale:
    """What all boards together did, and what they were promised."""

    counts: Counter[str] = field(default_factory=Counter)
    pings: int = 0
    # The text of each ping whose pong came, and when.
    answered: dict[str, float] = field(default_factory=dict)
    executed: set[int] = field(default_factory=set)
    is_over: bool = False

    def next_ping(self) -> str:
        self.pings += 1
        return json.dumps({"type": "ping", "time": self.pings})


class Board:
    """One device and its links, one after another."""

    def __init__(self, name: str, port: int, token: str, tale: Tale, chance: random.Random) -> None:
        self.name = name
        self._url = f"ws://127.0.0.1:{port}/ws/pico"
        self._headers = {"authorization": f"Bearer {token}"}
        self._tale = tale
        self._chance = chance

    async def live(self) -> None:
        """Lives until the soak is over."""
        while not self._tale.is_over:
            with contextlib.suppress(OSError, WebSocketException, TimeoutError):
                await self._link()
            await asyncio.sleep(self._chance.uniform(0, PAUSE_S_MAX))

    async def _link(self) -> None:
        async with asyncio.timeout(STEP_DEADLINE_S):
            link = await self._open()
        waiting: deque[str] = deque()
        reader = asyncio.create_task(self._read(link, waiting))
        try:
            for _ in range(self._chance.randint(1, STEPS_MAX)):
                if self._tale.is_over or reader.done():
                    break
                async with asyncio.timeout(STEP_DEADLINE_S):
                    await self._say_something(link, waiting)
            name, end = self._chance.choice(ENDS)
            self._tale.counts[f"ends: {name}"] += 1
            async with asyncio.timeout(STEP_DEADLINE_S):
                await end(self, link)
        finally:
            link.transport.abort()
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    async def _open(self) -> ClientConnection:
        link = await connect(self._url, additional_headers=self._headers, compression=None, ping_interval=None)
        await link.send(json.dumps({"type": "connect", "device": self.name, "version": "1"}))
        answer = json.loads(await link.recv())
        assert answer["type"] == "connection_ack", answer
        self._tale.counts["links"] += 1
        return link

    async def _read(self, link: ClientConnection, waiting: deque[str]) -> None:
        async for text in link:
            message = json.loads(text)
            if message["type"] == "pong":
                self._tale.answered[waiting.popleft()] = time.monotonic()
            elif message["type"] == "command":
                number = message["args"]["number"]
                self._tale.executed.add(number)
                await link.send(json.dumps({"type": "ack", "id": message["id"], "status": "ok", "result": number}))

    async def _say_something(self, link: ClientConnection, waiting: deque[str]) -> None:
        what = self._chance.random()
        if what < 0.5:
            waiting.append(self._tale.next_ping())
            await link.send(waiting[-1])
        elif what < 0.7:
            await link.send(json.dumps({"type": "log", "level": "info", "message": "x" * self._chance.randint(0, 300)}))
        elif what < 0.85:
            await link.send(json.dumps({"type": "telemetry", "values": {"heat": self._chance.random()}}))
        else:
            await asyncio.sleep(self._chance.uniform(0, 0.3))
        self._tale.counts["messages"] += 1

    # How a link ends

    async def _leave(self, link: ClientConnection) -> None:
        await link.close()

    async def _reset(self, link: ClientConnection) -> None:
        _linger_not(link)
        link.transport.abort()

    async def _fall_silent(self, link: ClientConnection) -> None:
        link.transport.pause_reading()
        await asyncio.sleep(self._chance.uniform(0, SILENCE_S_MAX))
        _linger_not(link)

    async def _break_off(self, link: ClientConnection) -> None:
        _write(link, _packet(b'{"type":"log","message":"half a mess')[: self._chance.randint(1, 20)])
        await asyncio.sleep(0.01)

    async def _say_too_much(self, link: ClientConnection) -> None:
        await link.send("x" * _OVERSIZE_BYTES)
        await link.wait_closed()

    async def _babble(self, link: ClientConnection) -> None:
        _write(link, self._chance.randbytes(self._chance.randint(2, 400)))
        await asyncio.sleep(0.05)

    async def _unmask(self, link: ClientConnection) -> None:
        _write(link, b"\x81\x02{}")
        await link.wait_closed()

    async def _mumble(self, link: ClientConnection) -> None:
        _write(link, _packet(b"\xff\xfe\xfd"))
        await link.wait_closed()

    async def _lie(self, link: ClientConnection) -> None:
        with contextlib.suppress(WebSocketException):
            for text in ("no JSON", '{"type":"ping","type":"ping"}', '{"type":"nothing"}', "[]", '{"type":"pong"}') * 5:
                await link.send(text)
        await asyncio.sleep(0.05)

    async def _be_replaced(self, link: ClientConnection) -> None:
        newer = await self._open()
        await link.wait_closed()
        self._tale.counts[f"replaced with {link.close_code}"] += 1
        await newer.close()


ENDS: list[tuple[str, Callable[[Board, ClientConnection], Awaitable[None]]]] = [
    ("polite", Board._leave),
    ("reset", Board._reset),
    ("silent", Board._fall_silent),
    ("cut in a packet", Board._break_off),
    ("oversized", Board._say_too_much),
    ("garbage", Board._babble),
    ("unmasked", Board._unmask),
    ("no UTF-8", Board._mumble),
    ("faults", Board._lie),
    ("replaced", Board._be_replaced),
]


def _packet(payload: bytes) -> bytes:
    """Returns a masked text packet; a mask of zeros is one, too."""
    return bytes((0x81, 0x80 | len(payload), 0, 0, 0, 0)) + payload


def _linger_not(link: ClientConnection) -> None:
    """Has the system reset the connection when it is closed."""
    connection: socket.socket | None = link.transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _write(link: ClientConnection, data: bytes) -> None:
    """Writes bytes behind the library's back; after the gateway has gone, to nobody."""
    with contextlib.suppress(RuntimeError):
        link.transport.write(data)
