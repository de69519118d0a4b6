"""When something happened on a board: the offset between the board's uptime and the gateway's monotonic clock.

A message says how long the board had been running when it was made. Each arrival bounds the offset from above, since
nothing arrives before it was sent; each answer to a ping bounds it from below too, since nothing is answered before
it was asked (Cristian, "Probabilistic clock synchronization", 1989). What waited on the board bounds little, so it
needs no special treatment. The bounds widen as the two clocks drift apart.
"""

from __future__ import annotations

import re

# A crystal of a cheap board is wrong by up to 50 ppm, an RC oscillator by more; both ways, with a margin.
DRIFT = 500e-6
# Boards whose counter of milliseconds has 32 bits start again after 49.7 days.
WRAP_MS = 1 << 32
_HALF_MS = WRAP_MS // 2
_UPTIME = re.compile(r'"uptime_ms"\s*:\s*(\d{1,16})')


class UptimeClock:
    """Turns a board's uptime into the gateway's monotonic time; one for each link. Fed times, reads no clock."""

    __slots__ = ("_high_s", "_low_s", "_newest_ms", "_updated_s", "_wraps")

    def __init__(self) -> None:
        # The offset is the monotonic second at which the board started. Bounds of it, in seconds; None while unknown.
        self._low_s: float | None = None
        self._high_s: float | None = None
        # Monotonic second to which both bounds belong.
        self._updated_s = 0.0
        # The largest uptime of the board so far, wraps not counted, negative while unknown; and how often it wrapped.
        self._newest_ms = -1.0
        self._wraps = 0

    def observe_arrival(self, uptime_ms: float, received_s: float) -> None:
        """Takes an uptime that a message carried, and when the message came."""
        self._widen(received_s)
        high_s = received_s - self._unwrapped_s(uptime_ms, is_news=True)
        if self._high_s is None or high_s < self._high_s:
            self._high_s = high_s
            if self._low_s is not None and self._low_s > high_s:
                # The two cannot both be true: the clock of the board jumped, and the newest is right.
                self._low_s = None

    def observe_exchange(self, uptime_ms: float, sent_s: float, received_s: float) -> None:
        """Takes the uptime in the answer to a ping, when the ping was sent and when the answer came."""
        self.observe_arrival(uptime_ms, received_s)
        low_s = sent_s - self._unwrapped_s(uptime_ms, is_news=False)
        if self._low_s is None or low_s > self._low_s:
            self._low_s = low_s
            if self._high_s is not None and self._high_s < low_s:
                self._high_s = received_s - self._unwrapped_s(uptime_ms, is_news=False)

    def happened_s(self, uptime_ms: float, received_s: float) -> float:
        """Returns the monotonic second at which a board had this uptime; never later than its arrival."""
        self.observe_arrival(uptime_ms, received_s)
        assert self._high_s is not None
        offset_s = self._high_s if self._low_s is None else (self._low_s + self._high_s) / 2
        return min(received_s, offset_s + self._unwrapped_s(uptime_ms, is_news=False))

    def _widen(self, now_s: float) -> None:
        """Lets both bounds drift apart for the time since they were last looked at."""
        drift_s = max(0.0, now_s - self._updated_s) * DRIFT
        if self._high_s is not None:
            self._high_s += drift_s
        if self._low_s is not None:
            self._low_s -= drift_s
        self._updated_s = max(self._updated_s, now_s)

    def _unwrapped_s(self, uptime_ms: float, is_news: bool) -> float:
        """Returns an uptime in seconds, as if the board's counter had never started again."""
        if uptime_ms >= WRAP_MS:
            return uptime_ms / 1000
        wraps = self._wraps
        if self._newest_ms - uptime_ms > _HALF_MS:
            wraps += 1
            if is_news:
                self._wraps, self._newest_ms = wraps, uptime_ms
        elif uptime_ms - self._newest_ms > _HALF_MS and self._newest_ms >= 0:
            # From before the counter started again, perhaps before this link: it waited on the board.
            wraps -= 1
        elif is_news:
            self._newest_ms = max(self._newest_ms, uptime_ms)
        return (wraps * WRAP_MS + uptime_ms) / 1000


def newest_uptime_ms(packets: list[str | bytes]) -> float | None:
    """Returns the uptime in the last of some packets, if there is one; in a text, it misleads about its board only."""
    packet = packets[-1]
    found = _UPTIME.search(packet) if isinstance(packet, str) else None
    return None if found is None else float(found.group(1))
