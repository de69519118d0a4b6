"""A camera without hardware: a WebSocket client that speaks the protocol and sends real JPEGs at the requested rate."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import io
import json
import random
import socket
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.support.app import RunningApp
from tests.support.asgi import MemoryWebSocket

_SIZES = {"QQVGA": (160, 120), "QVGA": (320, 240), "VGA": (640, 480), "SVGA": (800, 600)}
_DEADLINE_S = 40.0
STREAM = {
    "fps": {"type": "number", "min": 0, "max": 30},
    "size": {"type": "string", "choices": list(_SIZES), "default": "VGA"},
    "quality": {"type": "integer", "min": 1, "max": 100, "default": 80},
}


@functools.lru_cache(maxsize=64)
def jpeg(number: int = 0, size: str = "QVGA", size_bytes: int = 0) -> bytes:
    """Returns a real JPEG that carries its number; `size_bytes` fills it up with comments."""
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed: install the extra `test`")
    made = io.BytesIO()
    grey = 16 * (number % 16)
    image.new("RGB", _SIZES[size], (grey, grey, grey)).save(made, "JPEG", quality=80)
    data = made.getvalue()
    return data[:2] + _comment(b"%06d" % number) + _fill(size_bytes - len(data) - 10) + data[2:]


def number_of(frame: bytes) -> int:
    """Returns the number of a frame that `jpeg` made."""
    return int(frame[6:12])


def _comment(text: bytes) -> bytes:
    """Returns a segment that every decoder skips."""
    return b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text


def _fill(missing: int) -> bytes:
    """Returns comments of `missing` bytes in all, as random as a JPEG; none if they would not fit."""
    filler, made = random.Random(1), bytearray()
    while missing >= 4:
        length = min(missing - 4, 60_000)
        if 0 < missing - 4 - length < 4:
            length -= 4
        # No 0xFF inside: a comment that looks like a marker would mislead simple parsers.
        made += _comment(filler.randbytes(length).replace(b"\xff", b"\0"))
        missing -= 4 + length
    return bytes(made)


class Camera:
    """Connects as `device`, does what `stream` and `snapshot` ask, and notes each command; lasts for the block."""

    def __init__(
        self,
        gateway: str | RunningApp,
        device: str = "yard",
        *,
        size_bytes: int = 20_000,
        obeys: bool = True,
        silent: tuple[str, ...] = (),
        token: str | None = None,
        send_buffer_bytes: int = 0,
        **extra: Any,
    ) -> None:
        self.commands: list[dict[str, Any]] = []
        self.sent = 0
        self.fps = 0.0
        self.answer: dict[str, Any] = {"status": "ok"}
        self._gateway = gateway
        self._device = device
        self._size_bytes = size_bytes
        self._extra = extra
        self._obeys = obeys
        self._silent = silent
        self._send_buffer_bytes = send_buffer_bytes
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._size = "QVGA"
        self._paced = asyncio.Event()
        self._changed = asyncio.Condition()
        self._tasks: list[asyncio.Task[None]] = []
        # A connection of `websockets`, or a `MemoryWebSocket` with the same methods.
        self.link: Any

    async def __aenter__(self) -> Self:
        self.link = await self._connect()
        introduction = {"type": "connect", "device": self._device, "commands": {"stream": STREAM, "snapshot": {}}}
        await self.link.send(json.dumps({**introduction, **self._extra}))
        assert json.loads(await asyncio.wait_for(self.link.recv(), _DEADLINE_S))["type"] == "connection_ack"
        self._tasks = [asyncio.create_task(self._obey()), asyncio.create_task(self._shoot())]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.link.close()

    async def _connect(self) -> ClientConnection | MemoryWebSocket:
        if isinstance(self._gateway, RunningApp):
            return await self._gateway.open_websocket("/ws/esp32cam", self._headers)
        url = f"{self._gateway}/ws/esp32cam"
        sock = self._socket(url)
        return await connect(url, compression=None, max_queue=None, additional_headers=self._headers, sock=sock)

    # What a test does with it

    async def send(self, data: bytes | None = None) -> None:
        """Sends one frame now."""
        await self.link.send(jpeg(self.sent, self._size, self._size_bytes) if data is None else data)
        self.sent += 1

    async def send_until(self, done: asyncio.Event, fps: float) -> None:
        """Sends frames at a rate of its own until the test has seen enough."""
        async with asyncio.timeout(_DEADLINE_S):
            while not done.is_set():
                await self.send()
                await asyncio.sleep(1 / fps)

    async def wait_for_stream(self, **wanted: Any) -> dict[str, Any]:
        """Waits for a `stream` with these arguments and returns all of them."""
        return await self.wait_for_stream_that(lambda args: wanted.items() <= args.items())

    async def wait_for_stream_that(self, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Waits for a `stream` whose arguments fit, forgets those before it, and returns them."""
        async with asyncio.timeout(_DEADLINE_S), self._changed:
            while True:
                for number, command in enumerate(self.commands):
                    if command["name"] == "stream" and fits(command["args"]):
                        del self.commands[: number + 1]
                        return dict(command["args"])
                await self._changed.wait()

    async def commanded(self, name: str) -> dict[str, Any]:
        """Waits for a command of this name."""
        async with asyncio.timeout(_DEADLINE_S), self._changed:
            while True:
                for command in self.commands:
                    if command["name"] == name:
                        return command
                await self._changed.wait()

    def unplug(self) -> None:
        """Cuts the connection without a close, like an unplugged board."""
        self.link.transport.abort()

    def _socket(self, url: str) -> socket.socket:
        """Returns a connection; `send_buffer_bytes` may limit its memory to that of a board."""
        made = socket.socket()
        if self._send_buffer_bytes:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self._send_buffer_bytes)
        made.connect(("127.0.0.1", urlsplit(url).port))
        made.setblocking(False)
        return made

    # What it does by itself

    async def _obey(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for text in self.link:
                message = json.loads(text)
                if message["type"] == "ping":
                    await self.link.send('{"type":"pong"}')
                elif message["type"] == "command":
                    await self._do(message)

    async def _do(self, command: dict[str, Any]) -> None:
        args = command["args"]
        if self._obeys and command["name"] == "stream":
            self._size = args.get("size", self._size)
            self.fps = args["fps"]
            self._paced.set()
        elif self._obeys and command["name"] == "snapshot" and self.answer["status"] == "ok":
            await self.send()
        if command["name"] not in self._silent:
            await self.link.send(json.dumps({"type": "ack", "id": command["id"], **self.answer}))
        async with self._changed:
            self.commands.append(command)
            self._changed.notify_all()

    async def _shoot(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                self._paced.clear()
                if self.fps:
                    await self.send()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(1 / self.fps if self.fps else None):
                        await self._paced.wait()
