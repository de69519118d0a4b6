"""One rule for one device: whether it is calm, waits for its time, or has come true. No I/O and no clock."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import Any

from darvaz.gateway.alerts.rules import COMPARED, AlertRule, disk_threshold, is_number


class State(enum.Enum):
    """How a watch is."""

    CALM = "calm"
    WAITING = "waiting"
    """The condition is true, for less than the time of the rule."""
    ACTIVE = "active"


@dataclass(slots=True, eq=False)
class Watch:
    """One rule for one device. Times are monotonic seconds."""

    rule: AlertRule
    device: str
    state: State = State.CALM
    since_s: float = 0.0
    """Since when the condition is true."""
    true_s: float = 0.0
    """When it was last seen to be true."""
    value: Any = None
    """The reading that made it true."""
    is_queued: bool = False
    """Whether it waits in the queue of deadlines, where each watch is at most once."""
    is_removed: bool = False

    @property
    def due_s(self) -> float:
        """When it comes true if nothing changes."""
        return self.since_s + self.rule.for_s


class WatchedSeries:
    """The readings of one name of one device, and the watches of them.

    While a reading stays between `low` and `high`, no watch changes: that is one comparison, however many there are.
    """

    __slots__ = ("high", "low", "received_s", "silences", "value", "watches")

    def __init__(self, received_s: float) -> None:
        # The newest reading, and its monotonic time; at first that from which silence counts.
        self.value: Any = None
        self.received_s = received_s
        self.watches: list[Watch] = []
        # Those of "no value"; in `watches` are those that compare.
        self.silences: list[Watch] = []
        # Readings from low to high change nothing; a low above the high has each looked at.
        self.low, self.high = math.inf, -math.inf

    def narrow(self) -> None:
        """Finds the readings that would change nothing, after a change of any watch."""
        low, high = -math.inf, math.inf
        for watch in self.watches:
            below, above = _calm_range(watch)
            low, high = max(low, below), min(high, above)
        if any(watch.state is State.ACTIVE for watch in self.silences):
            low, high = math.inf, -math.inf
        self.low, self.high = low, high

    def forget_range(self) -> None:
        """Has the range found again with the next reading: watches were added or removed."""
        self.low, self.high = math.inf, -math.inf

    def look_at_each(self) -> None:
        """Has the next reading looked at by each watch, whatever it is."""
        self.forget_range()
        self.value = None


def is_true(watch: Watch, value: Any) -> bool | None:
    """Returns whether a reading makes the condition true; None where it cannot be compared."""
    rule, is_calm = watch.rule, watch.state is State.CALM
    if rule.when == "is":
        if isinstance(value, str) is not isinstance(rule.threshold, str):
            return None
        return bool(value == rule.threshold)
    if not is_number(value):
        return None
    if rule.when == "above":
        return bool(value > _limit(rule) - (0.0 if is_calm else rule.hysteresis))
    return bool(value < _limit(rule) + (0.0 if is_calm else rule.hysteresis))


def compares(rule: AlertRule) -> bool:
    """Returns whether a rule compares readings."""
    return rule.when in COMPARED or rule.when == "disk"


def _limit(rule: AlertRule) -> float:
    if rule.when == "disk":
        return disk_threshold(rule)
    assert isinstance(rule.threshold, int | float)
    return float(rule.threshold)


def _calm_range(watch: Watch) -> tuple[float, float]:
    """Returns the lowest and the highest number that leave a watch as it is."""
    rule, is_calm = watch.rule, watch.state is State.CALM
    if rule.when == "is":
        return math.inf, -math.inf
    limit = _limit(rule)
    if rule.when == "above":
        return (-math.inf, limit) if is_calm else (math.nextafter(limit - rule.hysteresis, math.inf), math.inf)
    return (limit, math.inf) if is_calm else (-math.inf, math.nextafter(limit + rule.hysteresis, -math.inf))
