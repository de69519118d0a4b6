"""When motion before one camera begins and ends. No I/O and no clock: times are monotonic seconds."""

from __future__ import annotations

from dataclasses import dataclass

# Somebody who stands still for a moment has not left.
QUIET_S = 10.0


@dataclass(frozen=True, slots=True)
class MotionChange:
    """Motion began or ended; `percent` is how much of the picture changed, at most so far."""

    is_moving: bool
    percent: float
    lasted_s: float = 0.0


class MotionState:
    """Motion before one camera: begins with a change that is large enough, ends after `QUIET_S` without one."""

    def __init__(self) -> None:
        self.is_moving = False
        self._began_s = self._moved_s = self._percent = 0.0

    @property
    def quiet_at_s(self) -> float | None:
        """When motion ends, if nothing moves until then; None while there is none."""
        return self._moved_s + QUIET_S if self.is_moving else None

    def compare(self, percent: float, threshold_percent: float, now_s: float) -> MotionChange | None:
        """Takes how much of the picture changed."""
        if percent < threshold_percent:
            return self.tick(now_s)
        self._moved_s = now_s
        self._percent = max(percent, self._percent)
        if self.is_moving:
            return None
        self.is_moving, self._began_s, self._percent = True, now_s, percent
        return MotionChange(True, percent)

    def tick(self, now_s: float) -> MotionChange | None:
        """Ends motion once its quiet time is over."""
        quiet_at_s = self.quiet_at_s
        return self.end(now_s) if quiet_at_s is not None and now_s >= quiet_at_s else None

    def end(self, now_s: float) -> MotionChange | None:
        """Ends motion, if there is any."""
        if not self.is_moving:
            return None
        self.is_moving = False
        return MotionChange(False, self._percent, now_s - self._began_s)
