"""Limits by address: so many events in so many seconds, for a bounded number of addresses."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict, deque
from collections.abc import Callable

from darvaz.gateway.access.origins import parse_address

# About 100 bytes an address and 8 a time; the oldest address goes when another comes.
ADDRESSES_MAX = 4096

_IPV6_SITE_BITS = 64


def network_of(address: str | None) -> str:
    """Returns what is counted as one place: an IPv4 address, or an IPv6 network of 64 bits.

    Anyone with IPv6 has 2^64 addresses to come from, so a single one means nothing.
    """
    parsed = parse_address(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(parsed), _IPV6_SITE_BITS), strict=False))
    return str(parsed) if parsed is not None else "unknown"


class RateLimiter:
    """Allows each place `events_max` events in any `window_s` seconds and then says how long to wait."""

    def __init__(
        self,
        events_max: int,
        window_s: float,
        clock: Callable[[], float],
        addresses_max: int = ADDRESSES_MAX,
    ) -> None:
        self._events_max = events_max
        self._window_s = window_s
        self._clock = clock
        self._addresses_max = addresses_max
        self._times_s: OrderedDict[str, deque[float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._times_s)

    def wait_s(self, address: str | None) -> float | None:
        """Returns how long an address is still blocked, or None while it is not."""
        times_s = self._recent(network_of(address))
        if times_s is None or len(times_s) < self._events_max:
            return None
        return times_s[0] + self._window_s - self._clock()

    def count(self, address: str | None) -> None:
        """Counts one event; when the table is full, the address heard of longest ago is forgotten."""
        site = network_of(address)
        times_s = self._recent(site)
        if times_s is None:
            times_s = self._times_s[site] = deque(maxlen=self._events_max)
        times_s.append(self._clock())
        self._times_s.move_to_end(site)
        if len(self._times_s) > self._addresses_max:
            self._times_s.popitem(last=False)

    def clear(self, address: str | None) -> None:
        """Forgets an address."""
        self._times_s.pop(network_of(address), None)

    def _recent(self, site: str) -> deque[float] | None:
        times_s = self._times_s.get(site)
        if times_s is None:
            return None
        now_s = self._clock()
        # A clock set back would block for as long as it was wrong: times to come do not count either.
        while times_s and not now_s - self._window_s < times_s[0] <= now_s:
            times_s.popleft()
        if not times_s:
            del self._times_s[site]
            return None
        return times_s
