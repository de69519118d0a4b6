"""A camera and its viewers over plain sockets: what they receive is counted, and what it costs the server."""

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
class Way:
    """One way of serving viewers: where they and the camera connect, and what each says first."""

    name: str
    title: str
    pid: int
    port: int
    hello: bytes
    camera_port: int
    camera_hello: bytes
    camera_opening: bytes
    packet: bytes


@dataclass(frozen=True)
class Show:
    """How a camera is shown: a steady rate of frames of one size, for a while."""

    fps: float
    frame_bytes: int
    window_s: float


@dataclass(frozen=True)
class Seen:
    """What one show found."""

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


async def show(way: Way, viewers: int, plan: Show) -> Seen:
    """Shows the camera to so many viewers."""
    camera = await _connect(way.camera_port, way.camera_hello)
    camera.transport.write(way.camera_opening)
    await asyncio.sleep(SETTLE_S)
    ends = [await _connect(way.port, way.hello) for _ in range(viewers)]
    shooting = asyncio.create_task(_shoot(camera, way.packet, plan.fps))
    try:
        await asyncio.sleep(SETTLE_S)
        return await _watch(way, ends, plan)
    finally:
        shooting.cancel()
        for end in (*ends, camera):
            end.transport.abort()
        await asyncio.sleep(SETTLE_S)


class _End(asyncio.BufferedProtocol):
    """Takes everything as fast as it can and counts the bytes; the buffer is everybody's, nobody looks at it."""

    _buffer = memoryview(bytearray(1 << 20))

    def __init__(self, hello: bytes) -> None:
        self.received_bytes = 0
        self.ready = asyncio.get_running_loop().create_future()
        self._hello = hello

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(self._hello)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.received_bytes += nbytes
        if not self.ready.done():
            self.ready.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(ConnectionError("closed before anything came"))


async def _connect(port: int, hello: bytes) -> _End:
    _, end = await asyncio.get_running_loop().create_connection(lambda: _End(hello), "127.0.0.1", port)
    await asyncio.wait_for(end.ready, READY_DEADLINE_S)
    return end


async def _watch(way: Way, ends: list[_End], plan: Show) -> Seen:
    before, before_cpu_s, began_s = _count(ends), cpu_s(way.pid), time.monotonic()
    await asyncio.sleep(plan.window_s)
    received, spent_s, took_s = _count(ends) - before, cpu_s(way.pid) - before_cpu_s, time.monotonic() - began_s
    weighed, frames = memory(way.pid), received / plan.frame_bytes
    return Seen(frames / took_s, spent_s * 1e6 / max(frames, 1), weighed.resident_bytes / 1024 if weighed else 0.0)


async def _shoot(camera: _End, packet: bytes, fps: float) -> None:
    due_s = time.monotonic()
    while True:
        camera.transport.write(packet)
        due_s += 1 / fps
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))


def _count(ends: list[_End]) -> int:
    return sum(end.received_bytes for end in ends)
