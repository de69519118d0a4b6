"""How much the journal keeps: by size after each batch, by age once a minute. Used by the journal's thread only.

What else is to be done with old batches is done then, too.
"""

from __future__ import annotations

import logging
import math
import sqlite3
import time
from collections.abc import Callable

from darvaz.gateway.journal.batches import delete_before, delete_first, used_bytes
from darvaz.gateway.journal.rare_upgrade import upgrade_some
from darvaz.gateway.journal.thinning import thin_some, thinned_until
from darvaz.gateway.storage.database import transaction

log = logging.getLogger("darvaz.journal")

# Each is a transaction. In all, they are twice as much as the largest backlog brings: a file that is far too large
# shrinks while entries go on being written.
_CUTS_MAX = 10
_CUT_BYTES = 4 * 1024 * 1024
_SHRINK_TO = 0.95
_AGE_EVERY_S = 60.0
_DAY_S = 86_400


class JournalRetention:
    """Deletes the oldest entries; by size, telemetry and heartbeats first. The limits may change while it is in use."""

    def __init__(self, days: float, bytes_max: int, unix_s: Callable[[], float]) -> None:
        self.days = days
        self.bytes_max = bytes_max
        self._unix_s = unix_s
        # Days that the size leaves, of all and of telemetry, while these are fewer than wanted.
        self._kept_days: float | None = None
        self._telemetry_days: float | None = None
        # Monotonic seconds at which entries that are too old are deleted next.
        self._next_aging_s = 0.0

    def apply(self, connection: sqlite3.Connection) -> None:
        """Deletes what is too much, and now and then what is too old."""
        if used_bytes(connection) > self.bytes_max:
            self._cut(connection)
        elif self.remark is not None:
            self._note_kept(connection, self._kept_days is not None)
        if time.monotonic() >= self._next_aging_s:
            with transaction(connection):
                deleted = delete_before(connection, int(self._oldest_s(connection) * 1000))
            # While there are more, they go with a batch written in between.
            self._next_aging_s = time.monotonic() + (0.0 if deleted else _AGE_EVERY_S)
        upgrade_some(connection)

    @property
    def remark(self) -> str | None:
        """A sentence for people while the size leaves fewer days than wanted."""
        if self._kept_days is not None:
            what, days = "", self._kept_days
        elif self._telemetry_days is not None:
            what, days = "telemetry for ", self._telemetry_days
        else:
            return None
        return f"the journal keeps {what}{days:.1f} days and not {self.days:g}: journal_retain_bytes_max is reached"

    def _cut(self, connection: sqlite3.Connection) -> None:
        """Makes the file a little smaller than its maximum: telemetry and heartbeats go first, then the oldest."""
        is_all_cut = self._kept_days is not None
        for _ in range(_CUTS_MAX):
            beyond = int(used_bytes(connection) - _SHRINK_TO * self.bytes_max)
            if beyond <= 0:
                break
            if thin_some(connection):
                continue
            with transaction(connection):
                if not delete_first(connection, min(beyond, _CUT_BYTES)):
                    break
            is_all_cut = True
        self._note_kept(connection, is_all_cut)

    def _note_kept(self, connection: sqlite3.Connection, is_all_cut: bool) -> None:
        """Notes how far back the entries go that the size has left, and logs when it leaves too few."""
        was_told = (self._kept_days if is_all_cut else self._telemetry_days) is not None
        self._kept_days = self._days_since(connection, 0) if is_all_cut else None
        thinned = thinned_until(connection)
        self._telemetry_days = self._days_since(connection, thinned) if thinned else None
        if self.remark is not None and not was_told:
            log.warning("= %s", self.remark)

    def _days_since(self, connection: sqlite3.Connection, first_id: int) -> float | None:
        """Returns how old the first batch from a number on is, None if it is as old as wanted."""
        row = connection.execute(
            "SELECT first_ms FROM journal_batches WHERE id >= ? ORDER BY id LIMIT 1", (first_id,)
        ).fetchone()
        days = 0.0 if row is None else max(0.0, self._unix_s() - row[0] / 1000) / _DAY_S
        return days if days < self.days else None

    def _oldest_s(self, connection: sqlite3.Connection) -> float:
        """Returns the Unix second before which nothing is kept: days ago, and as many days with entries ago.

        A clock that is ahead for a while would otherwise take everything with it. Days of the future count for
        nothing, and today, which the clock may have made up, for no day of the past.
        """
        now_s = self._unix_s()
        today = int(now_s // _DAY_S)
        row = connection.execute(
            "SELECT DISTINCT last_ms / 86400000 AS day FROM journal_batches WHERE last_ms < ?"
            " ORDER BY day DESC LIMIT 1 OFFSET ?",
            (today * _DAY_S * 1000, math.ceil(self.days) - 1),
        ).fetchone()
        return max(0.0, min(now_s - self.days * _DAY_S, 0 if row is None else (row[0] + 1) * _DAY_S))
