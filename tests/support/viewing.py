"""Viewers of a camera for tests: MJPEG read part by part, quickly or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Protocol, Self

import httpx
from websockets.asyncio.client import ClientConnection

from tests.support.app import RunningApp
from tests.support.asgi import MemoryWebSocket
from tests.support.gateway import GatewayProcess
from tests.support.verbs import run_darvaz

DEADLINE_S = 20.0
# The request of a viewer over WebSocket that sends nothing more.
WEBSOCKET = (
    "GET /ws/view/yard HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def path_of(device: str = "yard", query: str = "") -> str:
    return f"/api/devices/{device}/stream.mjpeg{query}"


def view_path(query: str = "") -> str:
    return f"/ws/view/yard{query}"


def view_url(gateway: GatewayProcess, query: str = "") -> str:
    return gateway.ws_url + view_path(query)


async def packet(viewer: ClientConnection | MemoryWebSocket) -> bytes:
    """Returns the next frame that a viewer receives over WebSocket."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            received = await viewer.recv()
            if isinstance(received, bytes):
                return received


class Served(Protocol):
    """A gateway at a port, in a process of its own or in this one."""

    port: int


class MjpegViewer:
    """A viewer for the block; the test reads its frames one by one."""

    def __init__(
        self, gateway: Served | RunningApp, path: str | None = None, headers: str = "", http: str = "1.1"
    ) -> None:
        self.head = ""
        self._gateway = gateway
        self._path = path or path_of()
        self._headers = headers
        self._http = http
        self._reader: asyncio.StreamReader
        self._open = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with asyncio.timeout(DEADLINE_S):
            if isinstance(self._gateway, RunningApp):
                self._reader = await self._open.enter_async_context(self._stream_in_process(self._gateway))
                return self
            self._reader, writer = await asyncio.open_connection("127.0.0.1", self._gateway.port)
            self._open.push_async_callback(_close, writer)
            host = f"127.0.0.1:{self._gateway.port}"
            writer.write(f"GET {self._path} HTTP/{self._http}\r\nHost: {host}\r\n{self._headers}\r\n".encode())
            self.head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        return self

    @contextlib.asynccontextmanager
    async def _stream_in_process(self, gateway: RunningApp) -> AsyncIterator[asyncio.StreamReader]:
        headers = dict(line.split(": ", 1) for line in self._headers.splitlines())
        reader = asyncio.StreamReader()
        async with gateway.client() as client, client.stream("GET", self._path, headers=headers) as response:
            assert response.status_code == 200, await response.aread()
            reading = asyncio.create_task(_pump(reader, response))
            try:
                yield reader
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.aclose()

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
        """Waits until the gateway has ended the stream, reading the rest."""
        async with asyncio.timeout(DEADLINE_S):
            with contextlib.suppress(ConnectionError):
                while await self._reader.read(1 << 16):
                    pass


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def _pump(reader: asyncio.StreamReader, response: httpx.Response) -> None:
    async for piece in response.aiter_raw():
        reader.feed_data(piece)
    reader.feed_eof()


class Stuck:
    """Requests a stream and reads nothing by itself, with the smallest buffer that the system gives."""

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
    """Waits until the camera has `count` viewers."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            state = await asyncio.to_thread(gateway.get, "/api/devices/yard/camera")
            if state.json()["viewers"] == count:
                return
            await asyncio.sleep(0.05)


def run_cli(*arguments: str, gateway: GatewayProcess) -> subprocess.CompletedProcess[str]:
    """Runs the `darvaz` command against a gateway."""
    env = {**os.environ, "DARVAZ_DATA": str(gateway.data), "DARVAZ_GATEWAY": gateway.url}
    return run_darvaz(*arguments, env=env, deadline_s=90)
