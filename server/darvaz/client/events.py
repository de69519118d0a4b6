"""Parses server-sent events (HTML standard, 9.2.6): text in, events out. No I/O."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from darvaz.client.errors import GatewayError

EVENT_CHARS_MAX = 4 * 1024 * 1024


class GatewayEvent(NamedTuple):
    """What happened (`presence`, `telemetry`, `log`, `ack` …), to which device, with all its fields."""

    type: str
    device: str | None
    data: dict[str, Any]
    id: str


class EventParser:
    """Parses the text of a stream, and keeps the id of the last event, so that a new stream can go on from it.

    Raises `GatewayError` for what a gateway does not send.
    """

    def __init__(self) -> None:
        # For the header Last-Event-ID of the next stream.
        self.last_id = ""
        # Of the event that is not complete yet: its type, its lines of data, and their length.
        self._type = ""
        self._data: list[str] = []
        self._chars = 0
        # Text after the last line end, and what decodes the bytes.
        self._rest = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def receive_bytes(self, data: bytes) -> Iterator[GatewayEvent]:
        """Parses a piece of the stream, in UTF-8 whatever its head says; yields the events that it completes."""
        return self.receive(self._decoder.decode(data))

    def receive(self, text: str) -> Iterator[GatewayEvent]:
        """Parses a piece of text; yields the events that it completes."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            yield from self.receive_line(line.removesuffix("\r"))
        self._check_size(len(self._rest))

    def receive_line(self, line: str) -> Iterator[GatewayEvent]:
        """Parses one line without its end; yields the event that it completes."""
        if not line:
            yield from self._complete()
            return
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._type = value
        elif name == "data":
            self._data.append(value)
            self._chars += len(value)
            self._check_size(0)
        elif name == "id":
            self.last_id = value

    def restart(self) -> None:
        """Drops the event that a stream did not complete."""
        self._reset()
        self._rest = ""
        self._decoder.reset()

    def _reset(self) -> None:
        self._type, self._data, self._chars = "", [], 0

    def _check_size(self, more_chars: int) -> None:
        if self._chars + more_chars > EVENT_CHARS_MAX:
            raise GatewayError(f"an event has more than {EVENT_CHARS_MAX} characters: this is not a Darvaz gateway")

    def _complete(self) -> Iterator[GatewayEvent]:
        type_, text = self._type, "\n".join(self._data)
        self._reset()
        if not text:
            return
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            data = None
        if not isinstance(data, dict):
            raise GatewayError("the answer is not an event of a Darvaz gateway")
        device = data.get("device", data.get("id"))
        yield GatewayEvent(type_ or "message", device if isinstance(device, str) else None, data, self.last_id)
