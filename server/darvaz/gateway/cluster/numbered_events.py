"""The order of events in a cluster: each message of a board with the number of its entry in the journal.

A link publishes a message, and journals all that came together right after that. So what is published here waits until
the journal has it, which is in the same turn of the event loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from darvaz.gateway.cluster.event_positions import JOURNAL_CHARS, EventPosition, EventPositions
from darvaz.gateway.events.order import MESSAGES, Mark, MarkedSubscriber
from darvaz.gateway.journal.batches import PAYLOAD_CHARS_MAX, EntryBody
from darvaz.gateway.parts import Parts
from darvaz.protocol.codec import Message


@dataclass(slots=True)
class OwnMessage:
    """A message of a board of this gateway."""

    type: str
    device: str
    message: Message
    happened_s: float
    entry_id: int = 0
    """The number of its entry in the journal here; 0 while it is not known."""
    text: str = ""
    """As the board sent it; empty where the journal does not keep all of it."""


class NumberedEvents:
    """Implements `EventOrder`. Used from the event loop only."""

    def __init__(self, parts: Parts, journal: str, start: str) -> None:
        self._parts = parts
        self.journal = journal[:JOURNAL_CHARS]
        """Of this gateway, as ids have it."""
        self.positions = EventPositions(start)
        # Device → its messages that the journal does not have yet, the oldest first.
        self._waiting: dict[str | None, list[OwnMessage]] = {}
        self._subscribers: tuple[MarkedSubscriber, ...] = ()
        self.on_own: Callable[[OwnMessage], None] = _nothing
        """Is called with each message of a board of this gateway."""

    def open(self) -> None:
        """Follows the messages and the journal of this gateway from now on."""
        self._parts.bus.subscribe(MESSAGES, self._wait)
        self._parts.journal.on_accepted = self._number

    def close(self) -> None:
        """Ends `open`."""
        self._parts.bus.unsubscribe(MESSAGES, self._wait)
        self._parts.journal.on_accepted = None

    # What `EventStreams` asks

    def follow(self, on_message: MarkedSubscriber) -> None:
        """Implements `EventOrder`."""
        self._subscribers = (*self._subscribers, on_message)

    def unfollow(self, on_message: MarkedSubscriber) -> None:
        """Implements `EventOrder`."""
        self._subscribers = tuple(each for each in self._subscribers if each != on_message)

    def id_of(self, number: int, mark: Mark | None) -> bytes:
        """Implements `EventOrder`."""
        return self.positions.position(number, time.monotonic()).dump()

    def is_id(self, text: str) -> bool:
        """Implements `EventOrder`: also an id of a gateway by itself, which this one may have been."""
        return EventPosition.parse(text) is not None or (text.isascii() and text.isdigit())

    def number_of(self, text: str) -> int | None:
        """Implements `EventOrder`."""
        found = EventPosition.parse(text)
        return None if found is None or found.start != self.positions.start else found.number

    # Messages

    def hear(self, type_: str, device: str, message: Message, happened_s: float, mark: Mark | None) -> None:
        """Hands on a message of a board of another gateway."""
        if mark is not None:
            self.positions.take(mark)
        for on_message in self._subscribers:
            on_message(type_, device, message, happened_s, mark)

    def _wait(self, type_: str, device: str | None, message: Message, happened_s: float) -> None:
        if device is None:
            return
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._hand_on_rest)
        self._waiting.setdefault(device, []).append(OwnMessage(type_, device, message, happened_s))

    def _number(self, first_id: int, device: str | None, entries: list[EntryBody]) -> None:
        waiting = self._waiting.get(device)
        if waiting is None:
            return
        at = 0
        for entry_id, entry in enumerate(entries, first_id):
            if entry[0] == "<" and at < len(waiting) and entry[1] == waiting[at].type:
                own = waiting[at]
                own.entry_id = entry_id
                if len(entry[2]) <= PAYLOAD_CHARS_MAX:
                    own.text = entry[2]
                at += 1
                self._hand_on(own)
        del waiting[:at]

    def _hand_on_rest(self) -> None:
        """Hands on what is in no journal: such an event has no place in the stream."""
        waiting, self._waiting = self._waiting, {}
        for own in [each for several in waiting.values() for each in several]:
            self._hand_on(own)

    def _hand_on(self, own: OwnMessage) -> None:
        mark = (self.journal, own.entry_id) if own.entry_id else None
        self.hear(own.type, own.device, own.message, own.happened_s, mark)
        self.on_own(own)


def _nothing(own: OwnMessage) -> None:
    """Stands where nobody listens."""
