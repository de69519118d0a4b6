"""Viewers of a camera as tests need them: MJPEG read part by part from a plain socket, quickly or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from types import TracebackType
from typing import Protocol, Self

from websockets.asyncio.client import ClientConnection

from tests.support.gateway import GatewayProcess

DEADLINE_S = 20.0
# The request of a viewer over WebSocket that says no more.
WEBSOCKET = (
    "GET /ws/view/yard HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def path_of(device: str = "yard", query: str = "") -> str:
    return f"/api/devices/{device}/stream.mjpeg{query}"


def view_url(gateway: GatewayProcess, query: str = "") -> str:
    return f"{gateway.ws_url}/ws/view/yard{query}"


async def packet(viewer: ClientConnection) -> bytes:
    """Returns the next frame that a viewer over WebSocket gets."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            received = await viewer.recv()
            if isinstance(received, bytes):
                return received


class Served(Protocol):
    """A gateway at a port, in a process of its own or in this one."""

    port: int


class MjpegViewer:
    """Looks at a camera for the block; frames are read one by one when the test asks."""

    def __init__(self, gateway: Served, path: str | None = None, headers: str = "", http: str = "1.1") -> None:
        self.head = ""
        self._port = gateway.port
        self._path = path or path_of()
        self._headers = headers
        self._http = http
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        request = f"GET {self._path} HTTP/{self._http}\r\nHost: 127.0.0.1:{self._port}\r\n{self._headers}\r\n"
        self._writer.write(request.encode())
        async with asyncio.timeout(DEADLINE_S):
            self.head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def frame(self) -> bytes:
        """Returns the next frame, or raises `IncompleteReadError` at the end of the stream."""
        async with asyncio.timeout(DEADLINE_S):
            lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
            assert "--frame" in lines
            length = next(line for line in lines if line.startswith("content-length: "))
            return await self._reader.readexactly(int(length.partition(" ")[2]))

    async def frames(self, count: int) -> list[bytes]:
        return [await self.frame() for _ in range(count)]

    async def ended(self) -> None:
        """Waits until the gateway has ended the stream, reading what still comes."""
        async with asyncio.timeout(DEADLINE_S):
            with contextlib.suppress(ConnectionError):
                while await self._reader.read(1 << 16):
                    pass


class Stuck:
    """Asks for a stream and reads nothing by itself, with a small buffer: the smallest that the system gives."""

    def __init__(self, gateway: Served, request: str | None = None, receive_buffer_bytes: int = 4096) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        self.socket.settimeout(DEADLINE_S)
        self.socket.connect(("127.0.0.1", gateway.port))
        self.socket.sendall((request or f"GET {path_of()} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()


async def until_viewers(gateway: GatewayProcess, count: int) -> None:
    """Waits until the camera has so many viewers."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            state = await asyncio.to_thread(gateway.get, "/api/devices/yard/camera")
            if state.json()["viewers"] == count:
                return
            await asyncio.sleep(0.05)


def run_cli(*arguments: str, gateway: GatewayProcess) -> subprocess.CompletedProcess[str]:
    """Runs the `darvaz` command against a gateway."""
    env = {**os.environ, "DARVAZ_DATA": str(gateway.data), "DARVAZ_GATEWAY": gateway.url}
    command = [sys.executable, "-m", "darvaz", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=False, env=env)
