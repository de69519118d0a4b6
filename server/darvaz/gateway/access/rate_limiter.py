"""Rate limits by network: a maximum of events in a time, for a bounded number of networks."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable

from darvaz.gateway.access.networks import network_of

# About 100 bytes per network and 8 per event; the network without events for longest is dropped for a new one.
NETWORKS_MAX = 4096


class RateLimiter:
    """Allows each network `events_max` events in any `window_s` seconds."""

    def __init__(
        self,
        events_max: int,
        window_s: float,
        monotonic_s: Callable[[], float],
        networks_max: int = NETWORKS_MAX,
        key_of: Callable[[str | None], str] = network_of,
    ) -> None:
        self._events_max = events_max
        self._window_s = window_s
        self._monotonic_s = monotonic_s
        self._networks_max = networks_max
        # What is counted as one; by default the network of an address.
        self._key_of = key_of
        # Network → times of its newest events, oldest first, at most `events_max`; networks by their newest event.
        self._times_s: OrderedDict[str, deque[float]] = OrderedDict()
        self.on_change: Callable[[str | None, bool], None] = lambda address, is_clear: None
        """Is told of each event here, and of each address whose events are forgotten here."""

    def __len__(self) -> int:
        return len(self._times_s)

    def wait_s(self, address: str | None) -> float | None:
        """Returns how many seconds an address is still blocked, or None."""
        times_s = self._recent(self._key_of(address))
        if times_s is None or len(times_s) < self._events_max:
            return None
        return times_s[0] + self._window_s - self._monotonic_s()

    def count(self, address: str | None) -> None:
        """Counts one event of an address."""
        self.count_elsewhere(address)
        self.on_change(address, False)

    def count_elsewhere(self, address: str | None) -> None:
        """Counts one event that another gateway had."""
        network = self._key_of(address)
        times_s = self._recent(network)
        if times_s is None:
            times_s = self._times_s[network] = deque(maxlen=self._events_max)
        times_s.append(self._monotonic_s())
        self._times_s.move_to_end(network)
        if len(self._times_s) > self._networks_max:
            self._times_s.popitem(last=False)

    def clear(self, address: str | None) -> None:
        """Forgets the events of an address."""
        if self.clear_elsewhere(address):
            self.on_change(address, True)

    def clear_elsewhere(self, address: str | None) -> bool:
        """Forgets the events of an address, as another gateway did; says whether there were any."""
        return self._times_s.pop(self._key_of(address), None) is not None

    def _recent(self, network: str) -> deque[float] | None:
        times_s = self._times_s.get(network)
        if times_s is None:
            return None
        now_s = self._monotonic_s()
        while times_s and times_s[0] <= now_s - self._window_s:
            times_s.popleft()
        if not times_s:
            del self._times_s[network]
            return None
        return times_s
