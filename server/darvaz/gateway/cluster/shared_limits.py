"""Limits by address over all gateways: failed attempts and tokens that were fetched, and the links that are open.

An attempt is told at once, by NATS without JetStream; a gateway that does not reach NATS counts its own. How many links
each network has is in the heartbeat.
"""

from __future__ import annotations

import asyncio
import functools
import heapq
import logging
from collections import Counter, deque
from collections.abc import Iterable

import msgspec
from nats.aio.msg import Msg

from darvaz.gateway.access.rate_limiter import RateLimiter
from darvaz.gateway.address_counts import AddressCounts
from darvaz.gateway.cluster.connection import NatsConnection
from darvaz.gateway.parts import Parts

log = logging.getLogger("darvaz.cluster")

SUBJECT = "dv.limits"
# What is gathered for this long goes together.
GATHER_S = 0.05
# Of what waits; the oldest goes first.
WAITING_MAX = 4_096
# The networks with most links that a heartbeat tells of, and from how many links on.
NETWORKS_MAX = 100
_LINKS_MIN = 4


class Attempt(msgspec.Struct, array_like=True):
    """One event that a limiter counted, or an address whose events it forgot."""

    limiter: str
    address: str | None
    is_clear: bool


_BATCH = msgspec.msgpack.Decoder(list[Attempt])


class SharedLimits:
    """Tells the others what is counted here, and counts what they tell. Used from the event loop only."""

    def __init__(self, parts: Parts, own: str) -> None:
        access = parts.access
        self._limiters: dict[str, RateLimiter] = {"failures": access.rules.failures, "tokens": access.mints}
        self._own = own
        self._waiting: deque[Attempt] = deque(maxlen=WAITING_MAX)
        self._has_any = asyncio.Event()

    def open(self) -> None:
        """Follows the limiters of this gateway from now on."""
        for name, limiter in self._limiters.items():
            limiter.on_change = functools.partial(self._keep, name)

    def _keep(self, limiter: str, address: str | None, is_clear: bool) -> None:
        self._waiting.append(Attempt(limiter, address, is_clear))
        self._has_any.set()

    async def run(self, connection: NatsConnection) -> None:
        """Tells and listens until it is cancelled."""
        await connection.listen(f"{SUBJECT}.*", self._receive)
        while True:
            await self._has_any.wait()
            await asyncio.sleep(GATHER_S)
            self._has_any.clear()
            batch = [*self._waiting]
            self._waiting.clear()
            await connection.publish(f"{SUBJECT}.{self._own}", msgspec.msgpack.encode(batch))

    async def _receive(self, message: Msg) -> None:
        if message.subject.endswith(f".{self._own}"):
            return
        try:
            batch = _BATCH.decode(message.data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            log.warning("= attempts at another gateway are not understood: %s", error)
            return
        for attempt in batch:
            limiter = self._limiters.get(attempt.limiter)
            if limiter is not None and attempt.is_clear:
                limiter.clear_elsewhere(attempt.address)
            elif limiter is not None:
                limiter.count_elsewhere(attempt.address)


def busiest(counts: AddressCounts) -> dict[str, int]:
    """Returns the networks with most links here, for a heartbeat."""
    many = [(links, network) for network, links in counts.by_address.items() if links >= _LINKS_MIN]
    return {network: links for links, network in heapq.nlargest(NETWORKS_MAX, many)}


def added_up(beats: Iterable[dict[str, int]]) -> dict[str, int]:
    """Returns the links of each network at several gateways."""
    total: Counter[str] = Counter()
    for beat in beats:
        total.update(beat)
    return total
