"""Devices that move to another gateway since theirs restarts: commands wait for them; has no I/O."""

from __future__ import annotations

import time
from collections.abc import Callable

# How long a board takes at most to come back somewhere after it was told of a restart, and so how long a command waits.
MOVE_S = 10.0


class Moves:
    """The devices that are on their way. Used from the event loop only."""

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._monotonic_s = monotonic_s
        self.is_handing_over = False
        """Whether this gateway has its boards go elsewhere, and sends them no more commands."""
        # Device → until when it is waited for, in monotonic seconds.
        self._until_s: dict[str, float] = {}

    def leave(self, device: str) -> None:
        """Takes that the link of a device has ended, since its gateway restarts."""
        self._until_s[device] = self._monotonic_s() + MOVE_S

    def arrive(self, device: str) -> None:
        """Takes that a device has a link, or is not waited for any more."""
        self._until_s.pop(device, None)

    def is_moving(self, device: str) -> bool:
        """Returns whether a device that has no link will soon have one."""
        until_s = self._until_s.get(device)
        if until_s is not None and until_s <= self._monotonic_s():
            del self._until_s[device]
            return False
        return until_s is not None
