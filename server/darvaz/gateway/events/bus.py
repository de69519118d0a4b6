"""The bus: what devices say and do, handed on by type to whoever asked for it. Costs nothing otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Subscriber = Callable[[str, str | None, Any], None]


class EventBus:
    """Hands on what is published, at once and in order. Used from the event loop only.

    Types are the messages' own (`telemetry`, `log`, `ack`, `pong` …, with the message), `frame` (with
    the JPEG) and what the hub says: `presence`, `forgotten`. A taker must neither wait nor raise.
    """

    def __init__(self) -> None:
        self._takers: dict[str, tuple[Subscriber, ...]] = {}

    def publish(self, type_: str, device: str | None, what: Any) -> None:
        """Tells everyone who asked for this type; most types have nobody, and that is one look-up."""
        for take in self._takers.get(type_, ()):
            take(type_, device, what)

    def subscribe(self, types: Iterable[str], take: Subscriber) -> None:
        """Asks for some types from now on."""
        for type_ in types:
            self._takers[type_] = (*self._takers.get(type_, ()), take)

    def unsubscribe(self, types: Iterable[str], take: Subscriber) -> None:
        """Asks for them no more."""
        for type_ in types:
            left = tuple(other for other in self._takers.get(type_, ()) if other != take)
            if left:
                self._takers[type_] = left
            else:
                self._takers.pop(type_, None)
