"""A camera and its viewers over plain sockets: counts the frames received and the server's processor time."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import cast

from bench.machine import cpu_s, memory

READY_DEADLINE_S = 20.0
SETTLE_S = 0.5
_UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@dataclass(frozen=True)
class ViewerTransport:
    """A transport of frames to viewers: where the viewers and the camera connect, and their first bytes."""

    name: str
    title: str
    pid: int
    port: int
    request: bytes
    camera_port: int
    camera_request: bytes
    camera_introduction: bytes
    packet: bytes


@dataclass(frozen=True)
class Stream:
    """A camera's steady stream: rate, frame size, and how long it is measured."""

    fps: float
    frame_bytes: int
    window_s: float


@dataclass(frozen=True)
class StreamFigures:
    """The figures of one measured stream."""

    frames_per_s: float
    cpu_us: float
    resident_kb: float


def upgrade(path: str) -> bytes:
    """Returns a request to open a WebSocket."""
    return _UPGRADE.format(path=path).encode()


def masked(opcode: int, payload: bytes) -> bytes:
    """Returns a client's packet; an all-zero mask costs a server the same as any other."""
    length = len(payload)
    size = bytes([0x80 | length]) if length < 126 else bytes([0x80 | 126]) + length.to_bytes(2, "big")
    return bytes([0x80 | opcode]) + size + bytes(4) + payload


async def measure_viewers(transport: ViewerTransport, viewers: int, stream: Stream) -> StreamFigures:
    """Streams the camera to `viewers` viewers and returns the figures."""
    camera = await _connect(transport.camera_port, transport.camera_request)
    camera.transport.write(transport.camera_introduction)
    await asyncio.sleep(SETTLE_S)
    connections = [await _connect(transport.port, transport.request) for _ in range(viewers)]
    sending = asyncio.create_task(_send_frames(camera, transport.packet, stream.fps))
    try:
        await asyncio.sleep(SETTLE_S)
        return await _measure(transport, connections, stream)
    finally:
        sending.cancel()
        for connection in (*connections, camera):
            connection.transport.abort()
        await asyncio.sleep(SETTLE_S)


class _ViewerConnection(asyncio.BufferedProtocol):
    """Reads as fast as it can and counts the bytes; all connections share one buffer, whose content is not used."""

    _buffer = memoryview(bytearray(1 << 20))

    def __init__(self, request: bytes) -> None:
        self.received_bytes = 0
        self.ready = asyncio.get_running_loop().create_future()
        self._request = request

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not subclasses of asyncio's.
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(self._request)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.received_bytes += nbytes
        if not self.ready.done():
            self.ready.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(ConnectionError("closed before the first byte"))


async def _connect(port: int, request: bytes) -> _ViewerConnection:
    _, connection = await asyncio.get_running_loop().create_connection(
        lambda: _ViewerConnection(request), "127.0.0.1", port
    )
    await asyncio.wait_for(connection.ready, READY_DEADLINE_S)
    return connection


async def _measure(transport: ViewerTransport, connections: list[_ViewerConnection], stream: Stream) -> StreamFigures:
    before, before_cpu_s, began_s = _count(connections), cpu_s(transport.pid), time.monotonic()
    await asyncio.sleep(stream.window_s)
    received, spent_s, took_s = (
        _count(connections) - before,
        cpu_s(transport.pid) - before_cpu_s,
        time.monotonic() - began_s,
    )
    occupied, frames = memory(transport.pid), received / stream.frame_bytes
    return StreamFigures(
        frames / took_s, spent_s * 1e6 / max(frames, 1), occupied.resident_bytes / 1024 if occupied else 0.0
    )


async def _send_frames(camera: _ViewerConnection, packet: bytes, fps: float) -> None:
    due_s = time.monotonic()
    while True:
        camera.transport.write(packet)
        due_s += 1 / fps
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))


def _count(connections: list[_ViewerConnection]) -> int:
    return sum(connection.received_bytes for connection in connections)
