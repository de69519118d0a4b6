"""Boards with one id that replace each other: noticed, told, and refused for a while if they go on.

A board that comes back after another one had its place is one of two. What tells boards apart is the `boot_id`, which
differs at each start, or the address of those that have none; so a board that only starts again and again is none.
"""

from __future__ import annotations

import enum
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

WINDOW_S = 60.0
# So often one came back within the window, until people are told, and until the next one has to wait.
RETURNS_TOLD = 3
RETURNS_MAX = 6
# Of all devices, those whose place was taken last; and of one device, the boards.
DEVICES_MAX = 256
BOARDS_MAX = 8


class RivalVerdict(enum.Enum):
    """What to do about a board that takes the place of another one."""

    FINE = enum.auto()
    TELL = enum.auto()
    REFUSE = enum.auto()


@dataclass(slots=True)
class _Places:
    """The boards of one id."""

    left_s: OrderedDict[str, float] = field(default_factory=OrderedDict)
    """Board → when another one took its place; the one that left last is the last."""
    returns_s: deque[float] = field(default_factory=deque)
    """When boards came back, the oldest first."""
    told_s: float | None = None
    """When people were told; None before that."""


class Rivals:
    """Counts, for each id, how often boards came back. Used from the event loop only."""

    def __init__(self, monotonic_s: Callable[[], float]) -> None:
        self._monotonic_s = monotonic_s
        # Device → its boards; the device whose place was taken last is the last.
        self._devices: OrderedDict[str, _Places] = OrderedDict()

    def __len__(self) -> int:
        return len(self._devices)

    def judge(self, device: str, before: str, after: str) -> RivalVerdict:
        """Notes that board `after` takes the place of `before`, unless it is refused."""
        if before == after:
            return RivalVerdict.FINE
        now_s, places = self._monotonic_s(), self._places_of(device)
        while places.returns_s and places.returns_s[0] <= now_s - WINDOW_S:
            places.returns_s.popleft()
        if len(places.returns_s) >= RETURNS_MAX:
            return RivalVerdict.REFUSE
        left_s = places.left_s.get(after)
        if left_s is not None and now_s - left_s < WINDOW_S:
            places.returns_s.append(now_s)
        places.left_s[before] = now_s
        places.left_s.move_to_end(before)
        if len(places.left_s) > BOARDS_MAX:
            places.left_s.popitem(last=False)
        return self._tell_once(places, now_s)

    def wait_s(self, device: str) -> float:
        """Returns how long a board that was refused has to wait."""
        places = self._devices.get(device)
        if places is None or not places.returns_s:
            return 0.0
        return max(0.0, places.returns_s[0] + WINDOW_S - self._monotonic_s())

    def _tell_once(self, places: _Places, now_s: float) -> RivalVerdict:
        if len(places.returns_s) < RETURNS_TOLD or (places.told_s is not None and now_s - places.told_s < WINDOW_S):
            return RivalVerdict.FINE
        places.told_s = now_s
        return RivalVerdict.TELL

    def _places_of(self, device: str) -> _Places:
        places = self._devices.setdefault(device, _Places())
        self._devices.move_to_end(device)
        if len(self._devices) > DEVICES_MAX:
            self._devices.popitem(last=False)
        return places
