"""Server-sent events, fed text and giving events (HTML standard, 9.2.6); without I/O."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

LINE_CHARS_MAX = 4 * 1024 * 1024


class Event(NamedTuple):
    """Something that happened: `presence`, `telemetry`, `log`, `ack` …, of which device, and the rest of it."""

    type: str
    device: str | None
    data: dict[str, Any]
    id: str


class EventParser:
    """Takes lines of a stream and remembers the last event's id, from which a new stream can go on."""

    def __init__(self) -> None:
        self.last_id = ""
        self._type = ""
        self._data: list[str] = []

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
        elif name == "id":
            self.last_id = value

    def begin_again(self) -> None:
        """Forgets the event that a stream did not complete."""
        self._type, self._data = "", []

    def _complete(self) -> Iterator[Event]:
        type_, text = self._type, "\n".join(self._data)
        self.begin_again()
        if not text:
            return
        data = json.loads(text)
        yield Event(type_ or "message", data.get("device", data.get("id")), data, self.last_id)
