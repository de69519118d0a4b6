"""The enrolment window: the minutes in which new devices get a token; stored for all processes."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable

from darvaz.gateway.storage.database import read_setting, transaction, write_setting

FIRST_START_MINUTES = 15.0
MINUTES_MAX = 24 * 60.0

_UNTIL = "enrolment_until_s"
_OPENED = "enrolment_opened_s"
_WAS_OPENED = "enrolment_was_opened"


class Enrolment:
    """Opens and closes the window, which the command line and a running gateway share through the database.

    Once a window was seen, its end comes by the monotonic clock.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        unix_s: Callable[[], float],
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._unix_s = unix_s
        self._monotonic_s = monotonic_s
        # What is stored of the window that was seen last, None without one; and its end, in monotonic seconds.
        self._seen = self._stored()
        self._until_s = monotonic_s() + self._left_s(is_new=False)

    def open_for(self, minutes: float) -> None:
        """Opens the window for a number of minutes from now; raises `ValueError` outside of (0, MINUTES_MAX]."""
        if not 0 < minutes <= MINUTES_MAX:
            raise ValueError(f"the window can be open for up to {MINUTES_MAX:g} minutes")
        with transaction(self._connection):
            now_s = self._unix_s()
            write_setting(self._connection, _OPENED, repr(now_s))
            write_setting(self._connection, _UNTIL, repr(now_s + minutes * 60))
            write_setting(self._connection, _WAS_OPENED, "1")
        self._seen, self._until_s = self._stored(), self._monotonic_s() + minutes * 60

    def close(self) -> None:
        """Closes the window now, also for the first start."""
        with transaction(self._connection):
            self._connection.execute("DELETE FROM settings WHERE key = ?", (_UNTIL,))
            write_setting(self._connection, _WAS_OPENED, "1")

    def seconds_left(self) -> float:
        """Returns how many seconds the window stays open, 0.0 if it is closed."""
        stored = self._stored()
        if stored != self._seen:
            self._seen = stored
            self._until_s = self._monotonic_s() + self._left_s(is_new=True)
        return max(0.0, self._until_s - self._monotonic_s())

    def _stored(self) -> tuple[float, float] | None:
        """Returns when the window was opened, as far as that is stored, and when it ends."""
        until = read_setting(self._connection, _UNTIL)
        opened = read_setting(self._connection, _OPENED)
        return None if until is None else (float(opened or 0.0), float(until))

    def _left_s(self, *, is_new: bool) -> float:
        """Returns how many seconds the window has left, by the wall clock."""
        if self._seen is None:
            return 0.0
        (opened_s, until_s), now_s = self._seen, self._unix_s()
        if now_s < opened_s:
            # A clock was set back since. Whether the window is over cannot be known, unless it was just opened.
            return until_s - opened_s if is_new else 0.0
        left_s = until_s - now_s
        # Earlier versions did not store when it was opened: more than the maximum means the same.
        return left_s if 0 < left_s <= MINUTES_MAX * 60 else 0.0

    def open_at_first_start(self) -> bool:
        """Opens the window if no device is known and it was never opened or closed before; returns whether."""
        if read_setting(self._connection, _WAS_OPENED) is not None:
            return False
        if self._connection.execute("SELECT 1 FROM devices LIMIT 1").fetchone() is not None:
            return False
        self.open_for(FIRST_START_MINUTES)
        return True
