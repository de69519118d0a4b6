"""The wall clock without its jumps: what ends at a certain time neither ends nor lives on because a clock was set.

While the gateway runs, time goes on as the monotonic clock does. A wall clock that is elsewhere is believed once it has
stayed there for a while, or if it jumps soon after the start: that is the first correction by a time server.
"""

from __future__ import annotations

import time
from collections.abc import Callable

# A difference below it is the work of a time server that slews the clock.
JUMP_S = 2.0
# How long a clock that jumped must stay where it is to be believed.
SETTLE_S = 600.0


class SteadyClock:
    """Gives Unix seconds; one for all decisions about access. Used from the event loop only."""

    def __init__(
        self, unix_s: Callable[[], float] = time.time, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._unix_s = unix_s
        self._monotonic_s = monotonic_s
        # Unix time minus monotonic time, as it is believed, and since which monotonic second.
        self._since_s = monotonic_s()
        self._offset_s = unix_s() - self._since_s
        # The same of a clock that jumped and is not believed yet; None without one.
        self._other: tuple[float, float] | None = None
        self.shift_s = 0.0
        """Is added: the difference to the clock that several gateways agree on."""

    def __call__(self) -> float:
        return self.own_s() + self.shift_s

    def own_s(self) -> float:
        """Returns the Unix seconds of this machine, without the shift."""
        now_s = self._monotonic_s()
        offset_s = self._unix_s() - now_s
        if abs(offset_s - self._offset_s) < JUMP_S:
            self._offset_s, self._other = offset_s, None
        elif self._is_believed(offset_s, now_s):
            self._offset_s, self._since_s, self._other = offset_s, now_s, None
        return now_s + self._offset_s

    def _is_believed(self, offset_s: float, now_s: float) -> bool:
        """Notes where a clock is that jumped; returns whether it has settled there, or nothing had settled before."""
        since_s = now_s if self._other is None or abs(offset_s - self._other[0]) >= JUMP_S else self._other[1]
        self._other = (offset_s, since_s)
        return now_s - since_s >= SETTLE_S or now_s - self._since_s < SETTLE_S
