"""When something happened on a board: the offset between the board's uptime and the gateway's monotonic clock.

A message says how long the board had been running when it was made. Each arrival bounds the offset from above, since
nothing arrives before it was sent; each answer to a ping bounds it from below too, since nothing is answered before
it was asked (Cristian, "Probabilistic clock synchronization", 1989). What waited on the board bounds little, so it
needs no special treatment. The bounds widen as the two clocks drift apart.
"""

from __future__ import annotations

import math
import re
from typing import Final

# A crystal of a cheap board is wrong by up to 50 ppm, an RC oscillator by more; both ways, with a margin.
DRIFT: Final = 500e-6
# Boards whose counter of milliseconds has 32 bits start again after 49.7 days.
WRAP_MS: Final = 1 << 32
_HALF_MS: Final = 2147483648.0
_UNKNOWN_S: Final = math.inf
_UPTIME = re.compile(r'"uptime_ms"\s*:\s*(\d{1,16})')


class UptimeClock:
    """Turns a board's uptime into the gateway's monotonic time; one for each link. Fed times, reads no clock."""

    __slots__ = ("_high_s", "_low_s", "_newest_ms", "_updated_s", "_wraps")

    def __init__(self) -> None:
        # The offset is the monotonic second at which the board started. Bounds of it, in seconds; infinite while
        # unknown. Plain floats: compiled code makes no objects of them.
        self._low_s = -_UNKNOWN_S
        self._high_s = _UNKNOWN_S
        # Monotonic second to which both bounds belong.
        self._updated_s = 0.0
        # The largest uptime of the board so far, wraps not counted, negative while unknown; and how often it wrapped.
        self._newest_ms = -1.0
        self._wraps = 0

    def observe_arrival(self, uptime_ms: float, received_s: float) -> None:
        """Takes an uptime that a message carried, and when the message came."""
        self._observe(uptime_ms, received_s)

    def observe_exchange(self, uptime_ms: float, sent_s: float, received_s: float) -> None:
        """Takes the uptime in the answer to a ping, when the ping was sent and when the answer came."""
        uptime_s = self._observe(uptime_ms, received_s)
        low_s = sent_s - uptime_s
        if low_s > self._low_s:
            self._low_s = low_s
            if self._high_s < low_s:
                self._high_s = received_s - uptime_s

    def happened_s(self, uptime_ms: float, received_s: float) -> float:
        """Returns the monotonic second at which a board had this uptime; never later than its arrival."""
        uptime_s = self._observe(uptime_ms, received_s)
        offset_s = self._high_s if self._low_s == -_UNKNOWN_S else (self._low_s + self._high_s) / 2
        return min(received_s, offset_s + uptime_s)

    def _observe(self, uptime_ms: float, received_s: float) -> float:
        """Lowers the upper bound by an arrival; returns the uptime in seconds, as if its counter never wrapped."""
        if received_s > self._updated_s:
            self._widen(received_s)
        uptime_s = self._unwrapped_s(uptime_ms)
        high_s = received_s - uptime_s
        if high_s < self._high_s:
            self._high_s = high_s
            if self._low_s > high_s:
                # The two cannot both be true: the clock of the board jumped, and the newest is right.
                self._low_s = -_UNKNOWN_S
        return uptime_s

    def _widen(self, now_s: float) -> None:
        """Lets both bounds drift apart for the time since they were last looked at."""
        drift_s = (now_s - self._updated_s) * DRIFT
        self._high_s += drift_s
        self._low_s -= drift_s
        self._updated_s = now_s

    def _unwrapped_s(self, uptime_ms: float) -> float:
        """Takes an uptime that came, and returns it in seconds, as if the board's counter had never started again."""
        if uptime_ms >= 2 * _HALF_MS:
            return uptime_ms / 1000
        wraps = self._wraps
        if self._newest_ms - uptime_ms > _HALF_MS:
            wraps += 1
            self._wraps, self._newest_ms = wraps, uptime_ms
        elif uptime_ms - self._newest_ms > _HALF_MS and self._newest_ms >= 0:
            # From before the counter started again, perhaps before this link: it waited on the board.
            wraps -= 1
        elif uptime_ms > self._newest_ms:
            self._newest_ms = uptime_ms
        return (wraps * WRAP_MS + uptime_ms) / 1000


def newest_uptime_ms(packets: list[str | bytes]) -> float | None:
    """Returns the uptime in the last of some packets, if there is one; in a text, it misleads about its board only."""
    packet = packets[-1]
    found = _UPTIME.search(packet) if isinstance(packet, str) else None
    return None if found is None else float(found.group(1))
