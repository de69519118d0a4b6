"""The frame rate that a camera's link carries, found by measuring: fewer whole frames rather than late ones.

Similar to the congestion control of TCP (RFC 5681): a weak link lowers the rate at once, good periods raise it again,
and each setback makes more of them necessary.
"""

from __future__ import annotations

import math

# A late answer means that frames queue in front of it, unless answers of the idle link are that late too.
LATE_S = 0.4
# For boards that answer no probe: if less than this share of the frames arrives, the rate is too high.
_ARRIVED_SHARE = 0.7
_DECREASE = 0.7
_INCREASE = 1.5
FPS_MIN = 0.2
_GOOD_PERIODS_MAX = 32


class RateControl:
    """The rate limit of one link; `limit_fps` is infinite until the link turns out to be weak."""

    def __init__(self) -> None:
        self.limit_fps = math.inf
        # Round trips above this are late.
        self._late_s = LATE_S
        # Good periods since the last change of the limit, and how many of them raise it.
        self._good_periods = 0
        self._good_periods_needed = 1

    def calibrate(self, round_trip_s: float) -> None:
        """Takes the round trip of the link while no frames are sent."""
        self._late_s = max(LATE_S, 2 * round_trip_s)

    def measure(self, asked_fps: float, arrived_fps: float, round_trip_s: float | None) -> None:
        """Takes what was measured in one period; `round_trip_s` is None for a board that answers no probe."""
        if self._is_weak(asked_fps, arrived_fps, round_trip_s):
            self.limit_fps = max(FPS_MIN, min(asked_fps, arrived_fps or asked_fps) * _DECREASE)
            self._good_periods_needed = min(2 * self._good_periods_needed, _GOOD_PERIODS_MAX)
            self._good_periods = 0
        elif self.limit_fps < math.inf:
            self._good_periods += 1
            if self._good_periods >= self._good_periods_needed:
                self._good_periods = 0
                self.limit_fps *= _INCREASE

    def clear_limit_above(self, wanted_fps: float) -> None:
        """Removes the limit once it is above what is wanted."""
        if self.limit_fps >= wanted_fps:
            self.limit_fps = math.inf

    def _is_weak(self, asked_fps: float, arrived_fps: float, round_trip_s: float | None) -> bool:
        if round_trip_s is None:
            return arrived_fps < asked_fps * _ARRIVED_SHARE
        return round_trip_s > self._late_s
