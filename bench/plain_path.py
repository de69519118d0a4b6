"""How fast the plain gateway path is: ping to pong, against a bare uvicorn echo in the same run.

    python -m bench.plain_path [--links 100] [--in-flight 16] [--seconds 3] [--rounds 5]

Both servers run on one core, the load on another where there is one. The gateway decodes, validates,
journals and answers; the echo only echoes. Ratios carry over to other machines, absolutes do not.
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
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import uvloop
from tests.support.gateway import GatewayProcess, free_port

PING = b'{"type":"ping"}'
ANSWER_BYTES = len(PING) + 2
HANDSHAKE = (
    "GET /ws/pico HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
ECHO = """
async def app(scope, receive, send):
    await receive()
    if scope["type"] != "websocket":
        return
    await send({"type": "websocket.accept"})
    while (packet := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": packet["text"]})
"""


def packet(text: bytes) -> bytes:
    """Returns a masked text packet; an all-zero mask costs a server the same as any other."""
    return bytes([0x81, 0x80 | len(text)]) + bytes(4) + text


class Board(asyncio.Protocol):
    """Keeps `in_flight` pings on the way and counts the answers by their size."""

    def __init__(self, port: int, in_flight: int, opening: bytes) -> None:
        self.answers = 0
        self.ready = asyncio.get_running_loop().create_future()
        self._opening = opening
        self._burst = packet(PING) * in_flight
        self._port = port
        self._rest = 0
        self._greeting = b""
        self._is_counting = False
        self._one = packet(PING)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(HANDSHAKE.format(port=self._port).encode())

    def data_received(self, data: bytes) -> None:
        if not self._is_counting:
            # The handshake's answer and, from the gateway, its connection_ack.
            self._greeting += data
            if self._opening and self._greeting.endswith(b"\r\n\r\n"):
                self.transport.write(self._opening)
            if not self._greeting.endswith(b"}" if self._opening else b"\r\n\r\n"):
                return
            self._is_counting = True
            self.ready.set_result(None)
            return
        done, self._rest = divmod(self._rest + len(data), ANSWER_BYTES)
        self.answers += done
        self.transport.write(self._one * done)

    def start(self) -> None:
        self.transport.write(self._burst)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(ConnectionError("closed in the handshake"))


async def load(port: int, args: argparse.Namespace, opening: bool) -> float:
    """Returns answers per second over the links."""
    loop = asyncio.get_running_loop()
    boards = []
    for number in range(args.links):
        connect = packet(b'{"type":"connect","device":"bench-%d"}' % number) if opening else b""
        _, board = await loop.create_connection(
            lambda c=connect: Board(port, args.in_flight, c),  # type: ignore[misc]
            "127.0.0.1",
            port,
        )
        await asyncio.wait_for(board.ready, 10)
        boards.append(board)
    for board in boards:
        board.start()
    await asyncio.sleep(0.5)
    before, started_s = sum(b.answers for b in boards), time.monotonic()
    await asyncio.sleep(args.seconds)
    rate = (sum(b.answers for b in boards) - before) / (time.monotonic() - started_s)
    for board in boards:
        board.transport.abort()
    return rate


@contextlib.contextmanager
def echo_server(prefix: list[str]) -> Iterator[int]:
    """Runs the bare echo and gives its port."""
    port = free_port()
    with TemporaryDirectory() as folder:
        (Path(folder) / "bare_echo.py").write_text(ECHO)
        command = [*prefix, sys.executable, "-m", "uvicorn", "bare_echo:app", "--app-dir", folder, "--port", str(port)]
        command += ["--ws", "websockets-sansio", "--log-level", "error", "--lifespan", "off", "--loop", "uvloop"]
        process = subprocess.Popen([*command, "--ws-per-message-deflate", "false"])
        try:
            wait_for_port(port)
            yield port
        finally:
            process.terminate()
            process.wait(10)


def wait_for_port(port: int) -> None:
    import socket

    deadline_s = time.monotonic() + 10
    while time.monotonic() < deadline_s:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on {port}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--links", type=int, default=100)
    parser.add_argument("--in-flight", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    has_cores = hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1
    prefix = ["taskset", "-c", "0"] if has_cores else []
    if has_cores:
        os.sched_setaffinity(0, {1})
    limits = {"DARVAZ_LINKS_PER_ADDRESS_MAX": "1000", "DARVAZ_MESSAGES_PER_S_MAX": "10000000"}
    rates: dict[str, list[float]] = {"bare echo": [], "gateway": []}
    with echo_server(prefix) as echo_port, GatewayProcess(env=limits, prefix=prefix) as gateway:
        for _ in range(args.rounds):
            rates["bare echo"].append(uvloop.run(load(echo_port, args, opening=False)))
            rates["gateway"].append(uvloop.run(load(gateway.port, args, opening=True)))
    for name, values in rates.items():
        print(f"{name:10} {statistics.median(values):>9,.0f}/s  (from {min(values):,.0f} to {max(values):,.0f})")
    ratio = statistics.median(g / e for g, e in zip(rates["gateway"], rates["bare echo"], strict=True))
    print(f"gateway / bare echo: {ratio:.2f}  ({args.links} links, {args.in_flight} in flight, one core)")


if __name__ == "__main__":
    main()
