"""Slots of HTTP connections: how many there may be, by network and in all, and which one goes for a new one.

A connection has a slot from its first moment until it ends, becomes a WebSocket, or sends a stream that has a limit
of its own. One that waits for the next request is idle: it goes first. Connections of a trusted proxy are limited in
all only; the proxy names the clients.
"""

from __future__ import annotations

import ipaddress
import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Container, Iterable
from typing import Protocol

from darvaz.gateway.access.networks import network_of
from darvaz.gateway.access.origins import parse_address

log = logging.getLogger("darvaz.http")

PENDING_PER_NETWORK_MAX = 64
UNREAD_PER_NETWORK_MAX = 32
UNREAD_MAX = 128
CONNECTIONS_PER_NETWORK_MAX = 256
CONNECTIONS_MAX = 2_048
# Of all slots, those that only networks get from which a valid token came.
RESERVED_PART = 0.125
# Rejections of one kind have a line in the log at most this often.
LOG_EVERY_S = 60.0


class Connection(Protocol):
    """A connection with a slot."""

    def cut_off(self) -> None:
        """Ends the connection at once; its slot is left soon after."""


class Slot:
    """The slot of one connection."""

    __slots__ = ("connection", "is_idle", "is_pending", "is_unread", "network")

    def __init__(self, network: str, connection: Connection) -> None:
        self.network = network
        # The protocol that now has the connection.
        self.connection = connection
        # Whether its request is awaited, whether it waits for the next one, and whether its client reads no answer.
        self.is_pending, self.is_idle, self.is_unread = True, False, False


class _Network:
    """The slots of one network."""

    __slots__ = ("idle", "is_proxy", "pending", "total", "unread")

    def __init__(self, *, is_proxy: bool) -> None:
        # A trusted proxy is limited in all only.
        self.is_proxy = is_proxy
        self.total = self.pending = 0
        # In order of time, the oldest first.
        self.idle: OrderedDict[Slot, None] = OrderedDict()
        self.unread: OrderedDict[Slot, None] = OrderedDict()


class ConnectionSlots:
    """All slots. Used from the event loop only."""

    def __init__(
        self,
        deadline_s: float,
        *,
        links_per_address_max: int = 0,
        total_max: int = CONNECTIONS_MAX,
        proxies: Iterable[str] = (),
        known: Container[str] = (),
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        # Seconds that a client has for a whole request head.
        self.deadline_s = deadline_s
        # After a restart, all boards behind one address connect at once.
        self._pending_max = max(PENDING_PER_NETWORK_MAX, links_per_address_max)
        self._per_network_max = max(CONNECTIONS_PER_NETWORK_MAX, self._pending_max)
        self._total_max = total_max
        self._proxies = [ipaddress.ip_network(proxy) for proxy in proxies]
        self._known = known
        self._monotonic_s = monotonic_s
        self._networks: dict[str, _Network] = {}
        # All idle slots, the oldest first.
        self._idle: OrderedDict[Slot, None] = OrderedDict()
        # All slots with an answer that is not read, the oldest first.
        self._unread: OrderedDict[Slot, None] = OrderedDict()
        self._total = 0
        # Reason → when it may be logged again, and how many rejections were not.
        self._logged: dict[str, tuple[float, int]] = {}
        # Reason → how many connections were rejected or cut off for it.
        self.rejections: Counter[str] = Counter()

    @property
    def total(self) -> int:
        return self._total

    def enter(self, address: str | None, connection: Connection) -> Slot | None:
        """Returns a slot for a new connection, which is pending; None if there is none."""
        network = network_of(address)
        count = self._networks.get(network) or _Network(is_proxy=self._is_proxy(address))
        if not count.is_proxy and not self._has_room_within(network, count):
            return None
        if not self._has_room(network):
            return None
        slot = Slot(network, connection)
        self._networks[network] = count
        count.total += 1
        count.pending += 1
        self._total += 1
        return slot

    def leave(self, slot: Slot) -> None:
        """Takes a slot back."""
        count = self._networks[slot.network]
        self._set_waiting(slot, count, is_pending=False)
        self._set_idle(slot, count, is_idle=False)
        self._set_unread(slot, count, is_unread=False)
        count.total -= 1
        self._total -= 1
        if not count.total:
            del self._networks[slot.network]

    # What the connection does

    def mark_pending(self, slot: Slot) -> None:
        """Notes that a request has begun and is not complete."""
        count = self._networks[slot.network]
        self._set_idle(slot, count, is_idle=False)
        self._set_waiting(slot, count, is_pending=True)

    def mark_served(self, slot: Slot) -> None:
        """Notes that a request is complete."""
        count = self._networks[slot.network]
        self._set_idle(slot, count, is_idle=False)
        self._set_waiting(slot, count, is_pending=False)

    def mark_idle(self, slot: Slot) -> None:
        """Notes that the connection waits for its next request."""
        count = self._networks[slot.network]
        self._set_waiting(slot, count, is_pending=False)
        self._set_idle(slot, count, is_idle=True)

    def mark_used(self, slot: Slot) -> None:
        """Notes that a connection that waits for its next request had one meanwhile: others go before it."""
        count = self._networks[slot.network]
        count.idle.move_to_end(slot)
        self._idle.move_to_end(slot)

    def mark_unread(self, slot: Slot, is_unread: bool) -> None:
        """Notes whether the client leaves its answer unread; of too many, the one that did so first is cut off."""
        if is_unread is slot.is_unread:
            return
        count = self._networks[slot.network]
        self._set_unread(slot, count, is_unread=is_unread)
        is_beyond = len(count.unread) > UNREAD_PER_NETWORK_MAX and not count.is_proxy
        if is_beyond or len(self._unread) > UNREAD_MAX:
            oldest = next(iter(count.unread if is_beyond else self._unread))
            self._reject("unread", "%s cut off: too many answers that are not read", oldest.network)
            self._cut_off(oldest)

    def _has_room_within(self, network: str, count: _Network) -> bool:
        if count.pending >= self._pending_max:
            self._reject("no_request", "%s cut off: too many connections that send no request", network)
            return False
        if count.total < self._per_network_max:
            return True
        if not count.idle:
            self._reject("per_address", "%s cut off: too many connections from this address", network)
            return False
        self._cut_off(next(iter(count.idle)))
        return True

    def _has_room(self, network: str) -> bool:
        reserved = 0 if network in self._known else int(self._total_max * RESERVED_PART)
        if self._total < self._total_max - reserved:
            return True
        if not self._idle:
            self._reject("in_all", "%s cut off: too many connections in all", network)
            return False
        self._cut_off(next(iter(self._idle)))
        return True

    def _cut_off(self, slot: Slot) -> None:
        count = self._networks[slot.network]
        # At once, so that it is not chosen again before its end is reported.
        self._set_idle(slot, count, is_idle=False)
        self._set_unread(slot, count, is_unread=False)
        slot.connection.cut_off()

    def _set_waiting(self, slot: Slot, count: _Network, *, is_pending: bool) -> None:
        count.pending += is_pending - slot.is_pending
        slot.is_pending = is_pending

    def _set_idle(self, slot: Slot, count: _Network, *, is_idle: bool) -> None:
        if slot.is_idle is is_idle:
            return
        slot.is_idle = is_idle
        for idle in (count.idle, self._idle):
            if is_idle:
                idle[slot] = None
            else:
                idle.pop(slot, None)

    def _set_unread(self, slot: Slot, count: _Network, *, is_unread: bool) -> None:
        if slot.is_unread is is_unread:
            return
        slot.is_unread = is_unread
        for unread in (count.unread, self._unread):
            if is_unread:
                unread[slot] = None
            else:
                unread.pop(slot, None)

    def _is_proxy(self, address: str | None) -> bool:
        parsed = parse_address(address) if self._proxies else None
        return parsed is not None and any(parsed in network for network in self._proxies)

    def _reject(self, reason: str, sentence: str, network: str) -> None:
        """Counts a rejection and logs it, and once a minute how many there were meanwhile."""
        self.rejections[reason] += 1
        next_s, others = self._logged.get(sentence, (0.0, 0))
        now_s = self._monotonic_s()
        if now_s < next_s:
            self._logged[sentence] = (next_s, others + 1)
            return
        self._logged[sentence] = (now_s + LOG_EVERY_S, 0)
        more = f" ({others} more since the last such line)" if others else ""
        log.warning("= " + sentence + "%s", network, more)
