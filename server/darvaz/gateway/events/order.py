"""The order of events: what an id in the event stream tells, at a gateway by itself or at several that are one."""

from __future__ import annotations

from typing import Protocol

from darvaz.gateway.events.bus import EventBus
from darvaz.protocol.codec import Message

MESSAGES = ("telemetry", "log", "ack", "crash")
# Which journal an event is in, and the number of its entry there.
Mark = tuple[str, int]
_DIGITS_MAX = 19


class MarkedSubscriber(Protocol):
    """Takes a message as a `MessageSubscriber` does, and its mark where it has one."""

    def __call__(
        self, type_: str, device: str | None, message: Message, happened_s: float, mark: Mark | None = None
    ) -> None: ...


class EventOrder(Protocol):
    """Hands on the messages of boards in order, and makes the ids of events. Used from the event loop only."""

    def follow(self, on_message: MarkedSubscriber) -> None:
        """Has `on_message` called with each message of a board, wherever the board is, from now on."""

    def unfollow(self, on_message: MarkedSubscriber) -> None:
        """Ends `follow`."""

    def id_of(self, number: int, mark: Mark | None) -> bytes:
        """Returns the id of an event that is made now, the `number`-th of this gateway."""

    def is_id(self, text: str) -> bool:
        """Returns whether a text may be the id of an event."""

    def number_of(self, text: str) -> int | None:
        """Returns the number that this gateway gave an event; None for an id of another one, or of an earlier start."""


class LocalOrder:
    """The order of a gateway by itself: the id is the number, which counts with the journal."""

    def __init__(self, bus: EventBus) -> None:
        self._bus = bus

    def follow(self, on_message: MarkedSubscriber) -> None:
        """Implements `EventOrder`."""
        self._bus.subscribe_everywhere(MESSAGES, on_message)

    def unfollow(self, on_message: MarkedSubscriber) -> None:
        """Implements `EventOrder`."""
        self._bus.unsubscribe(MESSAGES, on_message)

    def id_of(self, number: int, mark: Mark | None) -> bytes:
        """Implements `EventOrder`."""
        return b"%d" % number

    def is_id(self, text: str) -> bool:
        """Implements `EventOrder`."""
        return text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX

    def number_of(self, text: str) -> int | None:
        """Implements `EventOrder`: the number of an earlier start as well, since the journal goes on."""
        return int(text) if self.is_id(text) else None
