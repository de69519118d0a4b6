"""The enrolment window: the minutes in which new devices get a token; stored for all processes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from darvaz.gateway.storage.database import read_setting, transaction, write_setting

FIRST_START_MINUTES = 15.0
MINUTES_MAX = 24 * 60.0

_UNTIL = "enrolment_until_s"
_WAS_OPENED = "enrolment_was_opened"


class Enrolment:
    """Opens and closes the window, which the command line and a running gateway share through the database."""

    def __init__(self, connection: sqlite3.Connection, unix_s: Callable[[], float]) -> None:
        self._connection = connection
        self._unix_s = unix_s

    def open_for(self, minutes: float) -> None:
        """Opens the window for a number of minutes from now; raises `ValueError` outside of (0, MINUTES_MAX]."""
        if not 0 < minutes <= MINUTES_MAX:
            raise ValueError(f"the window can be open for up to {MINUTES_MAX:g} minutes")
        with transaction(self._connection):
            write_setting(self._connection, _UNTIL, repr(self._unix_s() + minutes * 60))
            write_setting(self._connection, _WAS_OPENED, "1")

    def close(self) -> None:
        """Closes the window now, also for the first start."""
        with transaction(self._connection):
            self._connection.execute("DELETE FROM settings WHERE key = ?", (_UNTIL,))
            write_setting(self._connection, _WAS_OPENED, "1")

    def seconds_left(self) -> float:
        """Returns how many seconds the window stays open, 0.0 if it is closed."""
        until = read_setting(self._connection, _UNTIL)
        left_s = float(until) - self._unix_s() if until is not None else 0.0
        # More than the maximum means that the clock was set back: closed is safer than open for years.
        return left_s if 0 < left_s <= MINUTES_MAX * 60 else 0.0

    def open_at_first_start(self) -> bool:
        """Opens the window if no device is known and it was never opened or closed before; returns whether."""
        if read_setting(self._connection, _WAS_OPENED) is not None:
            return False
        if self._connection.execute("SELECT 1 FROM devices LIMIT 1").fetchone() is not None:
            return False
        self.open_for(FIRST_START_MINUTES)
        return True
