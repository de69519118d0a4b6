"""The load generator where there is no C compiler: the same words and results, fewer messages.

    python -m bench.slow_generator exchange --port PORT [--links 100] [--in-flight 16] ...

It knows `exchange` over WebSocket only, counts answers by their heads and believes what is in them.
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


class Refused(Exception):
    """The server did not do what every server here must."""


def packet(text: str) -> bytes:
    """Returns a masked text packet of at most 65,535 bytes."""
    data = text.encode()
    head = bytes((0x81, 0x80 | len(data))) if len(data) < 126 else b"\x81\xfe" + len(data).to_bytes(2, "big")
    return head + _MASK + bytes(byte ^ _MASK[place % 4] for place, byte in enumerate(data))


class Board(asyncio.Protocol):
    """Keeps a number of units on the way: log messages, and one message that is answered."""

    def __init__(self, number: int, words: argparse.Namespace, token: str) -> None:
        self.answers = 0
        self.sent = 0
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.drained = asyncio.Event()
        self._is_silent = False
        self._words = words
        self._unit = packet(words.log) * words.logs + packet(words.message)
        self._connect = packet(json.dumps({"type": "connect", "device": f"{words.device}-{number}"}))
        self._token = f"Authorization: Bearer {token}\r\n" if token else ""
        self._rest = b""
        self._is_greeted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
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
            self.ready.set_exception(Refused("the connection was closed while greeting"))

    def start(self) -> None:
        self._send(self._words.in_flight)

    def fall_silent(self) -> None:
        """Sends nothing more; `drained` is set once everything is answered."""
        self._is_silent = True
        self._look_whether_drained()

    def _look_whether_drained(self) -> None:
        if self._is_silent and self.answers >= self.sent:
            self.drained.set()

    def _receive_greeting(self) -> None:
        head, found, rest = self._rest.partition(_HEAD_END)
        if not found:
            return
        if b" 101 " not in head.split(b"\r\n", 1)[0] and not self.ready.done():
            self.ready.set_exception(Refused(f"the handshake was answered with {head[:60]!r}"))
            return
        self._rest, self._is_greeted = rest, True
        if self._words.device:
            self.transport.write(self._connect)
        else:
            self.ready.set_result(None)

    def _receive_packets(self) -> None:
        data, place, count = self._rest, 0, 0
        while len(data) >= place + 2:
            head, length = (2, data[place + 1]) if data[place + 1] < 126 else (4, 0)
            if head == 4 and len(data) >= place + 4:
                length = int.from_bytes(data[place + 2 : place + 4], "big")
            if len(data) < place + head + length:
                break
            place += head + length
            count += 1
        self._rest = data[place:]
        if count and not self.ready.done():
            self.ready.set_result(None)
            count -= 1
        self.answers += count
        if count and not self._is_silent:
            self._send(count)
        self._look_whether_drained()

    def _send(self, count: int) -> None:
        self.sent += count
        self.transport.write(self._unit * count)


async def open_boards(words: argparse.Namespace, tokens: list[str]) -> list[Board]:
    """Returns the boards, each introduced."""
    boards = []
    for number in range(words.links):
        board = Board(number, words, tokens[number])
        await asyncio.get_running_loop().create_connection(lambda b=board: b, "127.0.0.1", words.port)  # type: ignore[misc]
        boards.append(board)
    async with asyncio.timeout(OPEN_DEADLINE_S):
        await asyncio.gather(*(board.ready for board in boards))
    return boards


async def exchange(words: argparse.Namespace, tokens: list[str]) -> dict[str, float]:
    """Measures one window and returns what the program in C would."""
    boards = await open_boards(words, tokens)
    for board in boards:
        board.start()
    await asyncio.sleep(words.warmup_ms / 1000)
    before = _snapshot(boards, words.server)
    await asyncio.sleep(words.window_ms / 1000)
    after = _snapshot(boards, words.server)
    for board in boards:
        board.fall_silent()
    async with asyncio.timeout(DRAIN_DEADLINE_S):
        for board in boards:
            await board.drained.wait()
    for board in boards:
        board.transport.abort()
    time_s, answers, server_s, own_s = (late - early for late, early in zip(after, before, strict=True))
    units = sum(board.sent for board in boards)
    return {
        "window_s": time_s,
        "messages": int(answers) * (words.logs + 1),
        "units_sent": units,
        "logs_sent": units * words.logs,
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
    words = parser.parse_args()
    import uvloop

    try:
        tokens = Path(words.tokens).read_text().split() if words.tokens else [""] * words.links
        print(json.dumps(uvloop.run(exchange(words, tokens))))
    except (Refused, TimeoutError, OSError) as error:
        sys.exit(f"load: {error or 'answers never came'}")


if __name__ == "__main__":
    main()
