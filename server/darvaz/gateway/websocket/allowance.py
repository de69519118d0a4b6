"""How many packets a peer may send: a number per second, averaged over two seconds."""

from __future__ import annotations


class PacketAllowance:
    """A token bucket; the session of a device has its own, which is compiled."""

    __slots__ = ("_counted_s", "_left", "_per_s")

    def __init__(self, per_s: float, now_s: float) -> None:
        self._per_s = per_s
        self._left = 2 * per_s
        # When it was last refilled.
        self._counted_s = now_s

    def take(self, packets: int, now_s: float) -> bool:
        """Counts packets; returns whether they are within the rate."""
        self._left = min(2 * self._per_s, self._left + (now_s - self._counted_s) * self._per_s) - packets
        self._counted_s = now_s
        return self._left >= 0
