"""The clock that the gateways of a cluster agree on: that of NATS, whatever their own ones say.

NATS notes when it stored an entry. How late an own entry comes back is unknown, but never negative: of some of them the
least late one tells the difference best. Decisions about access are made by this clock at each gateway, and the times
of entries and events are corrected where they are taken over.
"""

from __future__ import annotations

import time
from collections import deque

from darvaz.gateway.steady_clock import SteadyClock

# Entries that the difference is taken from.
_HEARD_MAX = 10
# Clocks that are nearer to each other count as one.
SAME_S = 2.0


class SharedClock:
    """Shifts the clock of one gateway's access. Used from the event loop only."""

    def __init__(self, clock: SteadyClock) -> None:
        self._clock = clock
        # By how much the clock of NATS was ahead when an own entry came back.
        self._ahead_s: deque[float] = deque(maxlen=_HEARD_MAX)

    def hear(self, stored_s: float) -> None:
        """Takes when NATS stored an own entry, which has come back now."""
        self._ahead_s.append(stored_s - self._clock.own_s())
        self._clock.shift_s = max(self._ahead_s)

    @property
    def ahead_s(self) -> float:
        """Returns by how much the shared clock is ahead of this machine's, which entries and events have."""
        return self._clock() - time.time()

    def correction_s(self, ahead_s: float) -> float:
        """Returns what is added to the times of a gateway that is behind the shared clock by some seconds."""
        found_s = ahead_s - self.ahead_s
        return found_s if abs(found_s) > SAME_S else 0.0
