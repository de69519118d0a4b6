"""How much the journal keeps: by size after each batch, by age once a minute. Used by the journal's thread only.

What else is to be done with old batches is done then, too.
"""

from __future__ import annotations

import logging
import math
import sqlite3
import time
from collections.abc import Callable

from darvaz.gateway.journal.batches import delete_before, delete_first, rows_beyond
from darvaz.gateway.journal.rare_upgrade import upgrade_some
from darvaz.gateway.storage.database import transaction

log = logging.getLogger("darvaz.journal")

# Twice as much as the largest backlog brings: a file that is far too large shrinks while entries go on being written.
DELETE_ROWS_MAX = 200_000
_AGE_EVERY_S = 60.0
_DAY_S = 86_400


class JournalRetention:
    """Deletes the oldest entries. The limits may change while it is in use."""

    def __init__(self, days: float, bytes_max: int, unix_s: Callable[[], float]) -> None:
        self.days = days
        self.bytes_max = bytes_max
        self._unix_s = unix_s
        # Days that the size leaves, while these are fewer than wanted.
        self._kept_days: float | None = None
        # Monotonic seconds at which entries that are too old are deleted next.
        self._next_aging_s = 0.0

    def apply(self, connection: sqlite3.Connection) -> None:
        """Deletes what is too much, and now and then what is too old."""
        rows = min(rows_beyond(connection, self.bytes_max), DELETE_ROWS_MAX)
        is_cut = rows > 0
        while rows > 0:
            with transaction(connection):
                deleted = delete_first(connection, rows)
            rows = rows - deleted if deleted else 0
        if is_cut or self._kept_days is not None:
            self._note_kept(connection)
        if time.monotonic() >= self._next_aging_s:
            with transaction(connection):
                deleted = delete_before(connection, int(self._oldest_s(connection) * 1000))
            # While there are more, they go with a batch written in between.
            self._next_aging_s = time.monotonic() + (0.0 if deleted else _AGE_EVERY_S)
        upgrade_some(connection)

    @property
    def remark(self) -> str | None:
        """A sentence for people while the size leaves fewer days than wanted."""
        if self._kept_days is None:
            return None
        return (
            f"the journal keeps {self._kept_days:.1f} days and not {self.days:g}: journal_retain_bytes_max is reached"
        )

    def _note_kept(self, connection: sqlite3.Connection) -> None:
        """Notes how far back the entries go that the size has left, and logs when it leaves too few."""
        row = connection.execute("SELECT first_ms FROM journal_batches ORDER BY id LIMIT 1").fetchone()
        days = 0.0 if row is None else max(0.0, self._unix_s() - row[0] / 1000) / _DAY_S
        was_told = self._kept_days is not None
        self._kept_days = days if days < self.days else None
        if self.remark is not None and not was_told:
            log.warning("= %s", self.remark)

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
