"""What it costs to show a camera to many: the gateway's viewers against bare `transport.write`, in one run.

    python -m bench.cases.fan_out [--viewers 1 10 50 100] [--fps 60] [--frame-bytes 25000] [--seconds 2] [--rounds 3]

A camera sends at a steady rate. Counted are the frames that reach the viewers, and the processor time that
the serving process takes for one of them. The bare server receives the same frames and hands them on with
nothing around it: that is the limit. Servers run on one core, the load on another where there is one.
Ratios carry over to other machines, absolutes do not.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import uvloop
from tests.support.gateway import GatewayProcess, free_port

from bench.plain_path import wait_for_port

START_DEADLINE_S = 20.0
_UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
_GET = "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
BARE = """
import asyncio, struct, sys, uvloop

viewers = []

class Viewer(asyncio.Protocol):
    def connection_made(self, transport):
        viewers.append(transport)
        transport.write(b"ready")
        self.transport = transport
    def connection_lost(self, error):
        viewers.remove(self.transport)

class Camera(asyncio.Protocol):
    def __init__(self):
        self.buffer = bytearray()
    def connection_made(self, transport):
        transport.write(b"ready")
    def data_received(self, data):
        self.buffer += data
        while len(self.buffer) >= 4:
            size = struct.unpack_from(">I", self.buffer)[0]
            if len(self.buffer) < 4 + size:
                return
            packet = bytes(self.buffer[4 : 4 + size])
            del self.buffer[: 4 + size]
            packet = b"header" + packet
            for viewer in viewers:
                if not viewer.get_write_buffer_size():
                    viewer.write(packet)

async def main(port, camera_port):
    loop = asyncio.get_running_loop()
    await loop.create_server(Camera, "127.0.0.1", camera_port)
    await loop.create_server(Viewer, "127.0.0.1", port)
    await asyncio.Event().wait()

uvloop.run(main(*map(int, sys.argv[1:])))
"""


@dataclass(frozen=True)
class Way:
    """One way of serving viewers: where they and the camera connect, and what they say first."""

    name: str
    port: int
    camera_port: int
    pid: int
    hello: bytes
    camera_hello: bytes
    camera_opening: bytes
    packet: bytes


@dataclass(frozen=True)
class Measured:
    """What one measurement found."""

    frames_per_s: float
    us_per_frame: float
    resident_mb: float


class Reader(asyncio.BufferedProtocol):
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


async def connect(port: int, hello: bytes) -> Reader:
    _, reader = await asyncio.get_running_loop().create_connection(lambda: Reader(hello), "127.0.0.1", port)
    await asyncio.wait_for(reader.ready, START_DEADLINE_S)
    return reader


async def measure(way: Way, viewers: int, args: argparse.Namespace) -> Measured:
    """Shows the camera to so many viewers for a while."""
    camera = await connect_camera(way)
    readers = [await connect(way.port, way.hello) for _ in range(viewers)]
    shooting = asyncio.create_task(shoot(camera, way.packet, args.fps))
    await asyncio.sleep(0.5)
    before, before_cpu_s, started_s = count(readers), cpu_s(way.pid), time.monotonic()
    await asyncio.sleep(args.seconds)
    received, spent_s, took_s = count(readers) - before, cpu_s(way.pid) - before_cpu_s, time.monotonic() - started_s
    resident = resident_mb(way.pid)
    shooting.cancel()
    for reader in (*readers, camera):
        reader.transport.abort()
    await asyncio.sleep(0.2)
    frames = received / args.frame_bytes
    return Measured(frames / took_s, spent_s * 1e6 / max(frames, 1), resident)


async def connect_camera(way: Way) -> Reader:
    camera = await connect(way.camera_port, way.camera_hello)
    camera.transport.write(way.camera_opening)
    await asyncio.sleep(0.2)
    return camera


async def shoot(camera: Reader, packet: bytes, fps: float) -> None:
    due_s = time.monotonic()
    while True:
        camera.transport.write(packet)
        due_s += 1 / fps
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))


def count(readers: list[Reader]) -> int:
    return sum(reader.received_bytes for reader in readers)


def cpu_s(pid: int) -> float:
    """Returns the processor time of all threads of a process."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def resident_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def masked(opcode: int, payload: bytes) -> bytes:
    """Returns a client's packet; an all-zero mask costs a server the same as any other."""
    length = len(payload)
    size = bytes([0x80 | length]) if length < 126 else bytes([0x80 | 126]) + length.to_bytes(2, "big")
    return bytes([0x80 | opcode]) + size + bytes(4) + payload


@contextlib.contextmanager
def bare(prefix: list[str], frame: bytes) -> Iterator[Way]:
    port, camera_port = free_port(), free_port()
    with TemporaryDirectory() as folder:
        script = Path(folder) / "bare.py"
        script.write_text(BARE)
        process = subprocess.Popen([*prefix, sys.executable, str(script), str(port), str(camera_port)])
        try:
            wait_for_port(port)
            yield Way("bare", port, camera_port, process.pid, b"", b"", b"", len(frame).to_bytes(4, "big") + frame)
        finally:
            process.terminate()
            process.wait(10)


def gateway_ways(gateway: GatewayProcess, frame: bytes) -> list[Way]:
    opening = masked(1, b'{"type":"connect","device":"bench"}')
    camera = _UPGRADE.format(path="/ws/esp32cam").encode()
    hellos = {
        "websocket": _UPGRADE.format(path="/ws/view/bench"),
        "mjpeg": _GET.format(path="/api/devices/bench/stream.mjpeg"),
    }
    port, pid, packet = gateway.port, gateway.process.pid, masked(2, frame)
    return [Way(name, port, port, pid, hello.encode(), camera, opening, packet) for name, hello in hellos.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--viewers", type=int, nargs="+", default=[1, 10, 50, 100])
    parser.add_argument("--fps", type=float, default=60)
    parser.add_argument("--frame-bytes", type=int, default=25_000)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    has_cores = hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1
    prefix = ["taskset", "-c", "0"] if has_cores else []
    if has_cores:
        os.sched_setaffinity(0, {1})
    frame = b"\xff\xd8" + bytes(args.frame_bytes - 4) + b"\xff\xd9"
    with bare(prefix, frame) as limit, GatewayProcess(prefix=prefix) as gateway:
        ways = [limit, *gateway_ways(gateway, frame)]
        print(f"{'viewers':>7} {'way':10} {'frames/s':>9} {'µs/frame':>9} {'× bare':>7} {'memory':>8}")
        for viewers in args.viewers:
            report(ways, viewers, args)


def report(ways: list[Way], viewers: int, args: argparse.Namespace) -> None:
    """Measures each way in turn, several times, and prints the medians."""
    found: dict[str, list[Measured]] = {way.name: [] for way in ways}
    for _ in range(args.rounds):
        for way in ways:
            found[way.name].append(uvloop.run(measure(way, viewers, args)))
    limit = statistics.median(m.us_per_frame for m in found["bare"])
    for name, measured in found.items():
        cost_us = statistics.median(m.us_per_frame for m in measured)
        rate = statistics.median(m.frames_per_s for m in measured)
        memory = max(m.resident_mb for m in measured)
        print(f"{viewers:>7} {name:10} {rate:>9,.0f} {cost_us:>9.1f} {cost_us / limit:>7.2f} {memory:>6.0f} MB")


if __name__ == "__main__":
    main()
