"""The order of events in a cluster: each message of a board with the number of its entry in the journal.

Those of the boards here come from `own_messages`, those of others from `shared_events`.
"""

from __future__ import annotations

import time
from typing import Any

from darvaz.gateway.cluster.event_positions import JOURNAL_CHARS, EventPosition, EventPositions
from darvaz.gateway.cluster.own_messages import OwnMessages, OwnSubscriber
from darvaz.gateway.events.bus import TELEMETRY
from darvaz.gateway.events.order import MESSAGES, Mark, MarkedSubscriber
from darvaz.gateway.parts import Parts
from darvaz.protocol.codec import Message

# Reports come together.
_ONE_BY_ONE = tuple(type_ for type_ in MESSAGES if type_ != TELEMETRY)


class NumberedEvents:
    """Implements `EventOrder`. Used from the event loop only."""

    def __init__(self, parts: Parts, journal: str, start: str) -> None:
        self._parts = parts
        self.journal = journal[:JOURNAL_CHARS]
        """Of this gateway, as ids have it."""
        self.positions = EventPositions(start)
        self._own = OwnMessages(self._hand_on)
        self._subscribers: tuple[MarkedSubscriber, ...] = ()
        self.on_own: OwnSubscriber = _nothing
        """Is called with the messages of the boards of this gateway."""

    def open(self) -> None:
        """Follows the messages and the journal of this gateway from now on."""
        self._parts.bus.subscribe_reports(self._own.wait_reports)
        self._parts.bus.subscribe(_ONE_BY_ONE, self._own.wait)
        self._parts.journal.on_accepted = self._own.number

    def close(self) -> None:
        """Ends `open`."""
        self._parts.bus.unsubscribe_reports(self._own.wait_reports)
        self._parts.bus.unsubscribe(_ONE_BY_ONE, self._own.wait)
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

    def _hand_on(self, device: str, messages: list[Any]) -> None:
        """Hands on messages of a board of this gateway."""
        if self._subscribers:
            for type_, message, happened_s, entry_id, _ in messages:
                self.hear(type_, device, message, happened_s, (self.journal, entry_id) if entry_id else None)
        elif newest := messages[-1][3]:
            self.positions.take((self.journal, newest))
        self.on_own(device, messages)


def _nothing(device: str, messages: list[Any]) -> None:
    """Stands where nobody listens."""
