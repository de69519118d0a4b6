"""The fuzzer's first streams, the same each time, and proof that it finds faults; `make fuzz` runs a million."""

from __future__ import annotations

import pytest

import darvaz
from darvaz.gateway.websocket import parser
from darvaz.gateway.websocket.protocol import WebSocketProtocol
from tools.fuzz.__main__ import HEAD_EVERY, find_failure, find_head_failure, shrink
from tools.fuzz.heads import make_head
from tools.fuzz.streams import Stream, make_stream

STREAMS = 5_000

unpatchable = pytest.mark.skipif(
    darvaz.is_compiled, reason="compiled code cannot be patched; `make test` also runs this as plain Python"
)


@pytest.mark.slow
def test_five_thousand_streams_have_their_right_results() -> None:
    failures = {seed: failure for seed in range(STREAMS) if (failure := find_failure(make_stream(seed)))}

    assert failures == {}


@pytest.mark.slow
def test_heads_that_the_fast_parser_accepts_are_read_as_h11_reads_them() -> None:
    heads = {seed: make_head(seed) for seed in range(0, STREAMS, HEAD_EVERY)}

    assert {seed: failure for seed, head in heads.items() if (failure := find_head_failure(head))} == {}


@unpatchable
def test_a_parser_that_refuses_too_much_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    is_broken = parser.Parser._broken_rule

    def stricter(self: parser.Parser, first: int, second: int) -> str | None:
        return "no empty pings" if (first, second) == (0x89, 0x80) else is_broken(self, first, second)

    monkeypatch.setattr(parser.Parser, "_broken_rule", stricter)

    assert "expected" in first_failure()[1]


def first_failure() -> tuple[Stream, str]:
    return next((s, failure) for s in map(make_stream, range(STREAMS)) if (failure := find_failure(s)))


@unpatchable
def test_a_message_delivered_after_the_close_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def deliver(self: WebSocketProtocol, packets: list[str | bytes]) -> None:
        if packets and self._listener is not None:
            self._listener.receive_packets(packets)

    monkeypatch.setattr(WebSocketProtocol, "_deliver", deliver)

    assert "delivered after the end" in first_failure()[1]


def test_an_unchecked_fragment_is_found_in_the_fewest_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parser, "_Utf8Checker", lambda: None)

    stream, _ = first_failure()
    least = shrink(stream)

    assert find_failure(least) and len(least.segments) <= len(stream.segments)


@unpatchable
def test_a_second_call_of_end_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    end = WebSocketProtocol._end

    def end_twice(self: WebSocketProtocol, code: int, reason: str) -> None:
        if self._listener is not None:
            self._listener.end(code, reason)
        end(self, code, reason)

    monkeypatch.setattr(WebSocketProtocol, "_end", end_twice)

    assert "called 2 times" in first_failure()[1]
