"""Notices that the wall clock was set, tells it in journal and log, and moves what is shown by that clock."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from darvaz.gateway.journal.writer import Journal
from darvaz.gateway.whole_seconds import until_next_s

log = logging.getLogger("darvaz")

CHECK_EVERY_S = 5.0
# A time server slews a clock by less than this between two checks.
JUMP_S = 1.0
TYPE = "clock set"


class ClockWatch:
    """Compares the wall clock with the monotonic one while it is open. Used from the event loop only."""

    def __init__(
        self,
        journal: Journal,
        on_jump: Callable[[float], None],
        unix_s: Callable[[], float] = time.time,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal = journal
        # Is called with the seconds by which the clock was set, negative if it was set back.
        self._on_jump = on_jump
        self._unix_s = unix_s
        self._monotonic_s = monotonic_s
        self._offset_s = unix_s() - monotonic_s()
        self._timer: asyncio.TimerHandle | None = None

    def open(self, newest_ms: int) -> None:
        """Begins to watch; `newest_ms` is when the newest entry of before the start came, in Unix milliseconds."""
        behind_s = newest_ms / 1000 - self._unix_s()
        if behind_s >= JUMP_S:
            self._tell(f"{behind_s:.0f} s behind the newest entry of before")
        self._check()

    def close(self) -> None:
        """Ends the watch."""
        if self._timer is not None:
            self._timer.cancel()

    def look(self) -> None:
        """Tells a jump since the last look."""
        offset_s = self._unix_s() - self._monotonic_s()
        jump_s, self._offset_s = offset_s - self._offset_s, offset_s
        if abs(jump_s) >= JUMP_S:
            # On Linux, the monotonic clock stands still while a computer sleeps.
            self._tell(f"{-jump_s:.0f} s back" if jump_s < 0 else f"{jump_s:.0f} s ahead, or this computer slept")
            self._on_jump(jump_s)

    def _check(self) -> None:
        self.look()
        self._timer = asyncio.get_running_loop().call_later(until_next_s(CHECK_EVERY_S), self._check)

    def _tell(self, text: str) -> None:
        log.warning("= %s: %s", TYPE, text)
        self._journal.record(None, None, "", "=", TYPE, text)
