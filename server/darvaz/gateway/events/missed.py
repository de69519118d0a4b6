"""What a client that comes back is told of the time since its last event, wherever that is stored."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol

import msgspec

from darvaz.gateway.events.queue import Event, EventQueue


class Gap(msgspec.Struct, frozen=True):
    """An unknown number of events is missing here."""


class Present(msgspec.Struct, frozen=True):
    """The state of each device belongs here, with an id, or with none where that is empty."""

    id: bytes


# What a client is sent, one after the other.
Piece = list[Event] | Gap | Present
# Calls a function with the journal's database, within the limits of a caller.
Read = Callable[..., Awaitable[Any]]


class MissedEvents(Protocol):
    """Tells a client that comes back what happened since its last event, where memory does not have all of it."""

    def since(self, last: str, queue: EventQueue, read: Read) -> AsyncIterator[Piece]:
        """Yields what happened between an id and the first event that the queue sends."""
