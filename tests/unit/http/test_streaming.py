"""Streamed responses: ended by the client, by a deadline or by themselves, always with their generator closed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from darvaz.gateway.http.streaming import SENT_BYTES_MAX, StreamedResponse
from darvaz.text.json_lines import dump_line


class Exchange:
    """One request, with a client that may leave, or stop reading."""

    def __init__(self, method: str = "GET", takes_max: int = 1000) -> None:
        self.scope = {"type": "http", "method": method}
        self.sent: list[Any] = []
        self.has_left = asyncio.Event()
        self.is_tidy = False
        self._takes_max = takes_max

    async def receive(self) -> dict[str, Any]:
        await self.has_left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if len(self.sent) >= self._takes_max:
            await asyncio.Event().wait()
        self.sent.append(message)

    async def pieces(self, count: int) -> AsyncGenerator[bytes, None]:
        try:
            for _ in range(count):
                yield b"piece"
            if count == 0:
                await asyncio.Event().wait()
                yield b"never"
        finally:
            self.is_tidy = True

    async def run(self, count: int) -> None:
        async with asyncio.timeout(20):
            await StreamedResponse(self.pieces(count), "text/plain")(self.scope, self.receive, self.send)

    @property
    def is_complete(self) -> bool:
        return bool(self.sent[-1] == {"type": "http.response.body", "body": b""})


async def test_pieces_are_sent_one_by_one_and_completed() -> None:
    exchange = Exchange()

    await exchange.run(3)

    assert [message.get("body") for message in exchange.sent] == [None, b"piece", b"piece", b"piece", b""]
    assert exchange.is_complete and exchange.is_tidy
    assert not [name for name, _ in exchange.sent[0]["headers"] if name == b"content-length"]


async def test_a_client_that_leaves_ends_the_response() -> None:
    exchange = Exchange()
    asyncio.get_running_loop().call_later(0.01, exchange.has_left.set)

    await exchange.run(0)

    assert exchange.is_tidy and not exchange.is_complete


async def test_a_client_that_reads_nothing_ends_the_response(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("darvaz.gateway.http.streaming.PIECE_DEADLINE_S", 0.02)
    exchange = Exchange(takes_max=2)

    await exchange.run(5)

    assert len(exchange.sent) == 2
    assert exchange.is_tidy and not exchange.is_complete


async def test_head_gets_only_the_headers() -> None:
    exchange = Exchange("HEAD")

    await exchange.run(0)

    assert len(exchange.sent) == 2 and exchange.is_complete


async def test_an_error_of_the_generator_passes_through_and_leaves_the_response_incomplete() -> None:
    exchange = Exchange()

    async def broken() -> AsyncGenerator[bytes, None]:
        yield b"piece"
        raise RuntimeError("a mistake")

    with pytest.raises(RuntimeError, match="a mistake"):
        await StreamedResponse(broken(), "text/plain")(exchange.scope, exchange.receive, exchange.send)
    assert not exchange.is_complete


@pytest.mark.parametrize("character", ["\n", "\r", "\x0b", "\x0c", "\x1c", "\x1e", "\x85", "\u2028", "\u2029"])
def test_no_character_in_a_line_ends_it(character: str) -> None:
    line = dump_line({"said": f"a{character}b", "fa": "سلام"}).decode()

    assert len(line.splitlines()) == 1
    assert json.loads(line) == {"said": f"a{character}b", "fa": "سلام"}
    assert "سلام" in line


async def test_a_long_piece_is_sent_in_parts_and_the_end_is_called_once() -> None:
    exchange, ends = Exchange(), list[str]()

    async def pieces() -> AsyncGenerator[bytes, None]:
        yield b"x" * (SENT_BYTES_MAX + 1)

    response = StreamedResponse(pieces(), "text/plain", on_end=lambda: ends.append("end"))
    await response(exchange.scope, exchange.receive, exchange.send)

    assert [len(message["body"]) for message in exchange.sent[1:]] == [SENT_BYTES_MAX, 1, 0]
    assert ends == ["end"]


async def test_others_have_their_turn_between_two_parts_of_a_long_piece() -> None:
    exchange, turns = Exchange(), list[int]()

    async def pieces() -> AsyncGenerator[bytes, None]:
        yield b"x" * (3 * SENT_BYTES_MAX)

    async def note_turns() -> None:
        while True:
            turns.append(len(exchange.sent))
            await asyncio.sleep(0)

    other = asyncio.create_task(note_turns())
    await StreamedResponse(pieces(), "text/plain")(exchange.scope, exchange.receive, exchange.send)
    other.cancel()

    # After the head and the first part, and then after each part.
    assert {2, 3, 4} <= set(turns)
