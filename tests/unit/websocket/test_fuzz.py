"""The fuzzer's first streams, the same each time, and proof that it sees what is wrong; `make fuzz` runs a million."""

from __future__ import annotations

import pytest

import darvaz
from darvaz.gateway.websocket import parser
from darvaz.gateway.websocket.protocol import WebSocketProtocol
from tools.fuzz.__main__ import HEAD_EVERY, fault, head_fault, smallest
from tools.fuzz.heads import make_head
from tools.fuzz.streams import Stream, make_stream

STREAMS = 5_000

unpatchable = pytest.mark.skipif(
    darvaz.is_compiled, reason="nothing can be planted in what is compiled: `make test` runs this as plain Python, too"
)


def test_five_thousand_streams_are_read_as_they_must_be() -> None:
    faults = {seed: sentence for seed in range(STREAMS) if (sentence := fault(make_stream(seed)))}

    assert faults == {}


def test_requests_that_pass_by_the_parser_are_read_as_it_would_read_them() -> None:
    faults = {seed: sentence for seed in range(0, STREAMS, HEAD_EVERY) if (sentence := head_fault(make_head(seed)))}

    assert faults == {}


@unpatchable
def test_a_rule_that_is_none_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    is_broken = parser.Parser._broken_rule

    def stricter(self: parser.Parser, first: int, second: int) -> str | None:
        return "no empty pings" if (first, second) == (0x89, 0x80) else is_broken(self, first, second)

    monkeypatch.setattr(parser.Parser, "_broken_rule", stricter)

    assert "came of what means" in first_fault()[1]


def first_fault() -> tuple[Stream, str]:
    return next((s, said) for s in map(make_stream, range(STREAMS)) if (said := fault(s)))


@unpatchable
def test_a_message_delivered_after_the_goodbye_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def deliver(self: WebSocketProtocol, packets: list[str | bytes]) -> None:
        if packets and self._listener is not None:
            self._listener.receive_packets(packets)

    monkeypatch.setattr(WebSocketProtocol, "_deliver", deliver)

    assert "delivered after the end" in first_fault()[1]


def test_an_unchecked_fragment_is_found_in_the_fewest_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parser, "_Utf8Checker", lambda: None)

    stream, _ = first_fault()
    least = smallest(stream)

    assert fault(least) and len(least.segments) <= len(stream.segments)


@unpatchable
def test_a_second_end_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    leave = WebSocketProtocol._leave

    def leave_twice(self: WebSocketProtocol, code: int, reason: str) -> None:
        if self._listener is not None:
            self._listener.end(code, reason)
        leave(self, code, reason)

    monkeypatch.setattr(WebSocketProtocol, "_leave", leave_twice)

    assert "2 times" in first_fault()[1]
