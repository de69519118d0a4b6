"""What is to be published and is not acknowledged yet: in order, bounded, and with nothing lost below the maximum.

What is beyond it is made of the oldest: first what a newer message of the same retained topic has replaced. No I/O.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

# Some minutes of some hundred boards; of pictures, only the newest of each board waits.
WAITING_MAX = 10_000
WAITING_BYTES_MAX = 32_000_000
# At the broker without an acknowledgement: Mosquitto takes 20 at a time by default.
IN_FLIGHT_MAX = 20


class Publication(NamedTuple):
    """One message to the broker."""

    topic: str
    payload: bytes
    is_retained: bool = True
    is_newest_only: bool = False
    """Whether an older one of this topic that still waits is worth nothing."""
    correlation: bytes | None = None
    """What the receiver of an answer knows it by."""


class Outbox:
    """A queue with what is under way; used from the event loop only."""

    def __init__(self, waiting_max: int = WAITING_MAX, waiting_bytes_max: int = WAITING_BYTES_MAX) -> None:
        self._waiting_max = waiting_max
        self._waiting_bytes_max = waiting_bytes_max
        self._waiting: deque[Publication] = deque()
        self._waiting_bytes = 0
        self._in_flight = 0
        self.dropped = 0
        """How many publications were given up because too many waited."""

    def __len__(self) -> int:
        """Returns how many publications wait or are under way."""
        return len(self._waiting) + self._in_flight

    def add(self, publication: Publication) -> None:
        """Adds a publication; beyond a maximum, the least valuable ones are dropped and counted."""
        if publication.is_newest_only:
            self._keep([other for other in self._waiting if other.topic != publication.topic])
        self._waiting.append(publication)
        self._waiting_bytes += len(publication.payload)
        if self._is_full():
            self._make_space()

    def take(self) -> Publication | None:
        """Returns the next publication for the broker, or None if none waits or enough are under way."""
        if not self._waiting or self._in_flight >= IN_FLIGHT_MAX:
            return None
        found = self._waiting.popleft()
        self._waiting_bytes -= len(found.payload)
        self._in_flight += 1
        return found

    def acknowledge(self) -> None:
        """Notes that the broker has one of those under way."""
        self._in_flight -= 1

    def _is_full(self) -> bool:
        return len(self._waiting) > self._waiting_max or self._waiting_bytes > self._waiting_bytes_max

    def _make_space(self) -> None:
        """Drops replaced publications, and then the oldest, until a tenth is free: the next ones are cheap then."""
        before = len(self._waiting)
        newest = {publication.topic: number for number, publication in enumerate(self._waiting)}
        replaced = (p.is_retained and newest[p.topic] != number for number, p in enumerate(self._waiting))
        self._keep([p for p, is_replaced in zip(self._waiting, replaced, strict=True) if not is_replaced])
        while len(self._waiting) > self._waiting_max * 0.9 or self._waiting_bytes > self._waiting_bytes_max * 0.9:
            self._waiting_bytes -= len(self._waiting.popleft().payload)
        self.dropped += before - len(self._waiting)

    def _keep(self, publications: list[Publication]) -> None:
        self._waiting = deque(publications)
        self._waiting_bytes = sum(len(publication.payload) for publication in publications)
