"""The load generator where there is no C compiler: same options and results, fewer messages.

    python -m bench.slow_generator exchange --port PORT [--links 100] [--in-flight 16] ...

Only `exchange` over WebSocket; it counts answers by their heads and does not check their content.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path
from typing import cast

from bench.machine import cpu_s

OPEN_DEADLINE_S = 20.0
DRAIN_DEADLINE_S = 20.0
_MASK = bytes((0x5A, 0x17, 0xC3, 0x81))
_HEAD_END = b"\r\n\r\n"


class HandshakeError(Exception):
    """The server refused or closed the connection."""


def packet(text: str) -> bytes:
    """Returns a masked text packet of at most 65,535 bytes."""
    data = text.encode()
    head = bytes((0x81, 0x80 | len(data))) if len(data) < 126 else b"\x81\xfe" + len(data).to_bytes(2, "big")
    return head + _MASK + bytes(byte ^ _MASK[index % 4] for index, byte in enumerate(data))


class Board(asyncio.Protocol):
    """Keeps a number of units in flight; a unit is some log messages and one message that is answered."""

    def __init__(self, number: int, options: argparse.Namespace, token: str) -> None:
        self.answers = 0
        self.sent = 0
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.drained = asyncio.Event()
        self._has_stopped = False
        self._words = options
        self._unit = packet(options.log) * options.logs + packet(options.message)
        self._connect = packet(json.dumps({"type": "connect", "device": f"{options.device}-{number}"}))
        self._token = f"Authorization: Bearer {token}\r\n" if token else ""
        self._rest = b""
        self._is_greeted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not subclasses of asyncio's.
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(
            f"GET {self._words.path} HTTP/1.1\r\nHost: 127.0.0.1:{self._words.port}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            f"{self._token}\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        self._rest += data
        if not self._is_greeted:
            self._receive_greeting()
        if self._is_greeted:
            self._receive_packets()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(HandshakeError("the connection was closed while greeting"))

    def start(self) -> None:
        self._send(self._words.in_flight)

    def stop_sending(self) -> None:
        """Sends no more; `drained` is set when every message is answered."""
        self._has_stopped = True
        self._check_drained()

    def _check_drained(self) -> None:
        if self._has_stopped and self.answers >= self.sent:
            self.drained.set()

    def _receive_greeting(self) -> None:
        head, found, rest = self._rest.partition(_HEAD_END)
        if not found:
            return
        if b" 101 " not in head.split(b"\r\n", 1)[0] and not self.ready.done():
            self.ready.set_exception(HandshakeError(f"the handshake was answered with {head[:60]!r}"))
            return
        self._rest, self._is_greeted = rest, True
        if self._words.device:
            self.transport.write(self._connect)
        else:
            self.ready.set_result(None)

    def _receive_packets(self) -> None:
        data, at, count = self._rest, 0, 0
        while len(data) >= at + 2:
            head, length = (2, data[at + 1]) if data[at + 1] < 126 else (4, 0)
            if head == 4 and len(data) >= at + 4:
                length = int.from_bytes(data[at + 2 : at + 4], "big")
            if len(data) < at + head + length:
                break
            at += head + length
            count += 1
        self._rest = data[at:]
        if count and not self.ready.done():
            self.ready.set_result(None)
            count -= 1
        self.answers += count
        if count and not self._has_stopped:
            self._send(count)
        self._check_drained()

    def _send(self, count: int) -> None:
        self.sent += count
        self.transport.write(self._unit * count)


async def open_boards(options: argparse.Namespace, tokens: list[str]) -> list[Board]:
    """Returns the boards, each introduced."""
    boards = []
    for number in range(options.links):
        board = Board(number, options, tokens[number])
        await asyncio.get_running_loop().create_connection(lambda b=board: b, "127.0.0.1", options.port)  # type: ignore[misc]
        boards.append(board)
    async with asyncio.timeout(OPEN_DEADLINE_S):
        await asyncio.gather(*(board.ready for board in boards))
    return boards


async def exchange(options: argparse.Namespace, tokens: list[str]) -> dict[str, float]:
    """Measures one window and returns the same figures as the program in C."""
    boards = await open_boards(options, tokens)
    for board in boards:
        board.start()
    await asyncio.sleep(options.warmup_ms / 1000)
    before = _snapshot(boards, options.server)
    await asyncio.sleep(options.window_ms / 1000)
    after = _snapshot(boards, options.server)
    for board in boards:
        board.stop_sending()
    async with asyncio.timeout(DRAIN_DEADLINE_S):
        for board in boards:
            await board.drained.wait()
    for board in boards:
        board.transport.abort()
    time_s, answers, server_s, own_s = (late - early for late, early in zip(after, before, strict=True))
    units = sum(board.sent for board in boards)
    return {
        "window_s": time_s,
        "messages": int(answers) * (options.logs + 1),
        "units_sent": units,
        "logs_sent": units * options.logs,
        "server_cpu_s": server_s,
        "load_cpu_s": own_s,
        "p50_us": 0.0,
        "p99_us": 0.0,
        "wrong_answers": 0,
    }


def _snapshot(boards: list[Board], server: int) -> tuple[float, float, float, float]:
    answers = float(sum(board.answers for board in boards))
    return time.monotonic(), answers, cpu_s(server) if server else 0.0, time.process_time()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=["exchange"])
    parser.add_argument("--dialect", choices=["websocket"], default="websocket")
    for name, default in (("port", None), ("links", 1), ("in-flight", 1), ("logs", 0), ("server", 0)):
        parser.add_argument(f"--{name}", type=int, default=default, required=default is None)
    for name, default_ms in (("warmup-ms", 100), ("window-ms", 1000)):
        parser.add_argument(f"--{name}", type=int, default=default_ms)
    for name, text in (("path", "/"), ("device", ""), ("tokens", ""), ("expect", ""), ("log", "")):
        parser.add_argument(f"--{name}", default=text)
    parser.add_argument("--message", default='{"type":"ping"}')
    options = parser.parse_args()
    import uvloop

    try:
        tokens = Path(options.tokens).read_text().split() if options.tokens else [""] * options.links
        print(json.dumps(uvloop.run(exchange(options, tokens))))
    except (HandshakeError, TimeoutError, OSError) as error:
        sys.exit(f"load: {error or 'answers are missing'}")


if __name__ == "__main__":
    main()
