"""Server-sent events, fed text and giving events (HTML standard, 9.2.6); without I/O."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from darvaz.client.errors import GatewayError

EVENT_CHARS_MAX = 4 * 1024 * 1024


class Event(NamedTuple):
    """Something that happened: `presence`, `telemetry`, `log`, `ack` …, of which device, and the rest of it."""

    type: str
    device: str | None
    data: dict[str, Any]
    id: str


class EventParser:
    """Takes the text of a stream and remembers the last event's id, from which a new stream can go on.

    Raises `GatewayError` for what no gateway sends.
    """

    def __init__(self) -> None:
        self.last_id = ""
        self._type = ""
        self._data: list[str] = []
        self._chars = 0
        self._rest = ""

    def receive(self, text: str) -> Iterator[Event]:
        """Takes text as it comes; yields the events that it completes."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            yield from self.receive_line(line.removesuffix("\r"))
        self._bound(len(self._rest))

    def receive_line(self, line: str) -> Iterator[Event]:
        """Takes one line without its end; yields the event that it completes."""
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
            self._bound(0)
        elif name == "id":
            self.last_id = value

    def begin_again(self) -> None:
        """Forgets the event that a stream did not complete."""
        self._forget()
        self._rest = ""

    def _forget(self) -> None:
        self._type, self._data, self._chars = "", [], 0

    def _bound(self, more_chars: int) -> None:
        if self._chars + more_chars > EVENT_CHARS_MAX:
            raise GatewayError(f"an event of more than {EVENT_CHARS_MAX} characters is none of a Darvaz gateway")

    def _complete(self) -> Iterator[Event]:
        type_, text = self._type, "\n".join(self._data)
        self._forget()
        if not text:
            return
        try:
            data = dict(json.loads(text))
        except (ValueError, TypeError):
            raise GatewayError("what came is no event of a Darvaz gateway") from None
        yield Event(type_ or "message", data.get("device", data.get("id")), data, self.last_id)
