"""One board of the soak: its links, one after another, its messages, and the many ways in which a link ends."""

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
class Record:
    """What all boards did, and what the gateway acknowledged."""

    # How often each thing happened, by its name.
    counts: Counter[str] = field(default_factory=Counter)
    pings_sent: int = 0
    # Text of each ping whose pong came → monotonic_s of the pong.
    answered_at_s: dict[str, float] = field(default_factory=dict)
    # Numbers of the commands that a board executed.
    executed: set[int] = field(default_factory=set)
    is_over: bool = False

    def next_ping(self) -> str:
        """Returns the text of a ping that was not sent before."""
        self.pings_sent += 1
        return json.dumps({"type": "ping", "time": self.pings_sent})


class Board:
    """One device and its links, one after another."""

    def __init__(self, name: str, port: int, token: str, record: Record, randomness: random.Random) -> None:
        self.name = name
        self._url = f"ws://127.0.0.1:{port}/ws/pico"
        self._headers = {"authorization": f"Bearer {token}"}
        self._record = record
        self._random = randomness

    async def run(self) -> None:
        """Opens one link after another until the soak is over."""
        while not self._record.is_over:
            with contextlib.suppress(OSError, WebSocketException, TimeoutError):
                await self._link()
            await asyncio.sleep(self._random.uniform(0, PAUSE_S_MAX))

    async def _link(self) -> None:
        async with asyncio.timeout(STEP_DEADLINE_S):
            link = await self._open()
        waiting: deque[str] = deque()
        reader = asyncio.create_task(self._read(link, waiting))
        try:
            for _ in range(self._random.randint(1, STEPS_MAX)):
                if self._record.is_over or reader.done():
                    break
                async with asyncio.timeout(STEP_DEADLINE_S):
                    await self._send_something(link, waiting)
            name, end = self._random.choice(ENDS)
            self._record.counts[f"ends: {name}"] += 1
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
        if answer.get("code") == "restarting":
            raise ConnectionError(answer["message"])
        assert answer["type"] == "connection_ack", answer
        self._record.counts["links"] += 1
        return link

    async def _read(self, link: ClientConnection, waiting: deque[str]) -> None:
        async for text in link:
            message = json.loads(text)
            if message["type"] == "pong":
                self._record.answered_at_s[waiting.popleft()] = time.monotonic()
            elif message["type"] == "command":
                number = message["args"]["number"]
                self._record.executed.add(number)
                await link.send(json.dumps({"type": "ack", "id": message["id"], "status": "ok", "result": number}))

    async def _send_something(self, link: ClientConnection, waiting: deque[str]) -> None:
        choice = self._random.random()
        if choice < 0.5:
            waiting.append(self._record.next_ping())
            await link.send(waiting[-1])
        elif choice < 0.7:
            await link.send(json.dumps({"type": "log", "level": "info", "message": "x" * self._random.randint(0, 300)}))
        elif choice < 0.85:
            await link.send(json.dumps({"type": "telemetry", "values": {"heat": self._random.random()}}))
        else:
            await asyncio.sleep(self._random.uniform(0, 0.3))
        self._record.counts["messages"] += 1

    # How a link ends

    async def _close(self, link: ClientConnection) -> None:
        await link.close()

    async def _reset(self, link: ClientConnection) -> None:
        _reset_on_close(link)
        link.transport.abort()

    async def _stop_reading(self, link: ClientConnection) -> None:
        link.transport.pause_reading()
        await asyncio.sleep(self._random.uniform(0, SILENCE_S_MAX))
        _reset_on_close(link)

    async def _cut_packet(self, link: ClientConnection) -> None:
        _write(link, _packet(b'{"type":"log","message":"half a mess')[: self._random.randint(1, 20)])
        await asyncio.sleep(0.01)

    async def _send_oversized(self, link: ClientConnection) -> None:
        await link.send("x" * _OVERSIZE_BYTES)
        await link.wait_closed()

    async def _send_garbage(self, link: ClientConnection) -> None:
        _write(link, self._random.randbytes(self._random.randint(2, 400)))
        await asyncio.sleep(0.05)

    async def _send_unmasked(self, link: ClientConnection) -> None:
        _write(link, b"\x81\x02{}")
        await link.wait_closed()

    async def _send_bad_utf8(self, link: ClientConnection) -> None:
        _write(link, _packet(b"\xff\xfe\xfd"))
        await link.wait_closed()

    async def _send_faults(self, link: ClientConnection) -> None:
        with contextlib.suppress(WebSocketException):
            for text in ("no JSON", '{"type":"ping","type":"ping"}', '{"type":"nothing"}', "[]", '{"type":"pong"}') * 5:
                await link.send(text)
        await asyncio.sleep(0.05)

    async def _get_replaced(self, link: ClientConnection) -> None:
        newer = await self._open()
        await link.wait_closed()
        self._record.counts[f"replaced with {link.close_code}"] += 1
        await newer.close()


ENDS: list[tuple[str, Callable[[Board, ClientConnection], Awaitable[None]]]] = [
    ("polite", Board._close),
    ("reset", Board._reset),
    ("silent", Board._stop_reading),
    ("cut in a packet", Board._cut_packet),
    ("oversized", Board._send_oversized),
    ("garbage", Board._send_garbage),
    ("unmasked", Board._send_unmasked),
    ("no UTF-8", Board._send_bad_utf8),
    ("faults", Board._send_faults),
    ("replaced", Board._get_replaced),
]


def _packet(payload: bytes) -> bytes:
    """Returns a masked text packet; its mask is zeros."""
    return bytes((0x81, 0x80 | len(payload), 0, 0, 0, 0)) + payload


def _reset_on_close(link: ClientConnection) -> None:
    """Sets SO_LINGER to 0: the system resets the connection when it is closed."""
    connection: socket.socket | None = link.transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _write(link: ClientConnection, data: bytes) -> None:
    """Writes raw bytes, past the library; does nothing if the transport is closed."""
    with contextlib.suppress(RuntimeError):
        link.transport.write(data)
