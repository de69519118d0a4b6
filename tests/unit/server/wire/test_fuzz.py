"""The fuzzer's first streams, the same each time, and proof that it sees what is wrong; `make fuzz` runs a million."""

from __future__ import annotations

import pytest
from tools.fuzz.__main__ import fault, smallest
from tools.fuzz.streams import Stream, make_stream

from darvaz.wire import parser
from darvaz.wire.protocol import WebSocketProtocol

STREAMS = 5_000


def test_five_thousand_streams_are_read_as_they_must_be() -> None:
    faults = {seed: sentence for seed in range(STREAMS) if (sentence := fault(make_stream(seed)))}

    assert faults == {}


def first_fault() -> tuple[Stream, str]:
    return next((s, said) for s in map(make_stream, range(STREAMS)) if (said := fault(s)))


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


def test_a_second_end_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    leave = WebSocketProtocol._leave

    def leave_twice(self: WebSocketProtocol, code: int, reason: str) -> None:
        if self._listener is not None:
            self._listener.end(code, reason)
        leave(self, code, reason)

    monkeypatch.setattr(WebSocketProtocol, "_leave", leave_twice)

    assert "2 times" in first_fault()[1]
