"""How many frames a second a camera's link carries, found out by asking: fewer whole frames rather than late ones."""

from __future__ import annotations

import math

# An answer that takes longer came behind frames that queue somewhere, unless the quiet link is as slow.
LATE_S = 0.4
# Boards that answer no questions are judged by what arrives: below this share of what was asked it is too much.
_ARRIVED_SHARE = 0.7
_LESS = 0.7
_MORE = 1.5
FPS_MIN = 0.2
_PATIENCE_MAX = 32


class RateControl:
    """The rate that one link is trusted with; `limit_fps` is infinite until the link turns out to be weak."""

    def __init__(self) -> None:
        self.limit_fps = math.inf
        self._late_s = LATE_S
        self._good = 0
        self._patience = 1

    def calibrate(self, round_trip_s: float) -> None:
        """Learns how soon an answer comes while the link has nothing to carry."""
        self._late_s = max(LATE_S, 2 * round_trip_s)

    def look(self, asked_fps: float, arrived_fps: float, round_trip_s: float | None) -> None:
        """Takes what was measured since the last look; `round_trip_s` is None for a board that does not answer."""
        if self._is_weak(asked_fps, arrived_fps, round_trip_s):
            self.limit_fps = max(FPS_MIN, min(asked_fps, arrived_fps or asked_fps) * _LESS)
            # Each time that more was too much, the next try waits longer.
            self._patience = min(2 * self._patience, _PATIENCE_MAX)
            self._good = 0
        elif self.limit_fps < math.inf:
            self._good += 1
            if self._good >= self._patience:
                self._good = 0
                self.limit_fps *= _MORE

    def lift(self, wanted_fps: float) -> None:
        """Forgets the limit once it is above what is wanted."""
        if self.limit_fps >= wanted_fps:
            self.limit_fps = math.inf

    def _is_weak(self, asked_fps: float, arrived_fps: float, round_trip_s: float | None) -> bool:
        if round_trip_s is None:
            return arrived_fps < asked_fps * _ARRIVED_SHARE
        return round_trip_s > self._late_s
