"""The journal: what happened, kept in SQLite, written by one thread that nobody waits for.

When the disk cannot keep up, the gateway goes on: rows that find no room are counted, and a row of type
`gap` says how many are missing. The other way, to read no device until the disk has caught up, would
let a full disk end every heartbeat and every command in the house.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Final

from darvaz.gateway.journal.batches import (
    ROWS_PER_BATCH,
    EntryBody,
    EntryGroup,
    delete_before,
    delete_first,
    insert_batch,
    rows_beyond,
)
from darvaz.gateway.storage.database import StorageError, transaction

log = logging.getLogger("darvaz.journal")

BATCH_INTERVAL_MS: Final = 100
PAYLOAD_CHARS_MAX: Final = 4_096
PENDING_ROWS_MAX: Final = 100_000
# A letter takes up to four bytes of memory.
PENDING_CHARS_MAX: Final = 16 * 1024 * 1024
# So many are not left to wait until the interval is over; while they wait, the processor's cache holds them.
_BUSY_ROWS: Final = 2_000
# The database is locked for other writers, the event loop's among them, for so many batches at a time.
_BATCHES_PER_COMMIT: Final = 4
# Twice as much as the largest backlog brings: a file that is far too large shrinks while rows go on being written.
_DELETE_ROWS_MAX: Final = 2 * PENDING_ROWS_MAX
_AGE_EVERY_S: Final = 60.0
_RETRY_MAX_S: Final = 10.0


class Journal:
    """Takes rows from the event loop and writes them in batches.

    A row is one append; at most `PENDING_ROWS_MAX` wait, with payloads of `PENDING_CHARS_MAX` in all.
    Beyond that the newest are counted, and a row of type `gap` says how many are missing as soon as the
    disk takes rows again. The file is held to `retain_bytes_max` after each batch.
    """

    def __init__(
        self,
        open_connection: Callable[[], sqlite3.Connection],
        *,
        retain_days: float = 30.0,
        retain_bytes_max: int = 512 * 1024 * 1024,
        pending_rows_max: int = PENDING_ROWS_MAX,
        pending_chars_max: int = PENDING_CHARS_MAX,
        redact: Callable[[str], str] = str,
        unix_s: Callable[[], float] = time.time,
    ) -> None:
        self._open_connection = open_connection
        self._retain_days = retain_days
        self._retain_bytes_max = retain_bytes_max
        self._pending_rows_max = pending_rows_max
        self._pending_chars_max = pending_chars_max
        self._busy_rows = min(_BUSY_ROWS, pending_rows_max)
        # Whether the writer was woken and has not looked since; waking it costs more than noting a row.
        self._is_flushing = False
        self._redact = redact
        self._unix_s = unix_s
        # Two lists for good, moments and the letters in each: the loop appends behind, the writer removes in
        # front what is committed, each in one step of the interpreter, and without a lock.
        self._pending: list[EntryGroup] = []
        self._pending_chars: list[int] = []
        # Each of these is counted up by one thread only, so that no count is lost between the two.
        self._rows_in = self._rows_out = 0
        self._chars_in = self._chars_out = 0
        self._lost = self._told = 0
        self._next_aging_s = 0.0
        self._is_stopping = False
        self._wake = threading.Event()
        self._writer: threading.Thread | None = None
        self.state = "ok"
        self.on_written: Callable[[list[EntryGroup]], None] = _tell_nobody
        """Is called by the writer's thread with what was written."""

    def open(self) -> None:
        """Starts the writer."""
        self._writer = threading.Thread(target=self._run, name="journal", daemon=True)
        self._writer.start()

    def record(
        self, device: str | None, kind: str | None, address: str, direction: str, type_: str, payload: str
    ) -> None:
        """Notes what happened: received (`<`), sent (`>`) or a change of state (`=`). Never waits."""
        payload = cut(payload)
        time_ms = int(self._unix_s() * 1000)
        self.extend(time_ms, device, kind, address, [(direction, type_, payload)], len(payload))

    def extend(
        self, time_ms: int, device: str | None, kind: str | None, address: str, said: list[EntryBody], chars: int
    ) -> None:
        """Notes what one link heard and said at one moment, `chars` letters, cut already. Never waits."""
        self._rows_in += len(said)
        self._chars_in += chars
        waiting = self._rows_in - self._rows_out
        if waiting > self._busy_rows and not self._is_flushing:
            self.flush_now()
        if waiting > self._pending_rows_max or self._chars_in - self._chars_out > self._pending_chars_max:
            said = self._reject_overflow(said, chars)
            if not said:
                self._chars_in -= chars
                return
        self._pending_chars.append(chars)
        self._pending.append((time_ms, device, kind, address, said))

    @property
    def pending_rows(self) -> int:
        """How many rows are not yet committed."""
        return self._rows_in - self._rows_out

    @property
    def pending_chars(self) -> int:
        """How many letters their payloads have."""
        return self._chars_in - self._chars_out

    @property
    def position(self) -> int:
        """Where the journal stands now: everything up to here is written once `has_written` says so."""
        return self._rows_in

    def has_written(self, position: int) -> bool:
        """Whether all that was noted before the position was taken is committed."""
        return self._rows_out >= position

    def flush_now(self) -> None:
        """Has the writer write what waits at once."""
        self._is_flushing = True
        self._wake.set()

    def set_retention(self, retain_days: float, retain_bytes_max: int) -> None:
        """Changes for how long and how much the journal keeps."""
        self._retain_days, self._retain_bytes_max = retain_days, retain_bytes_max

    def close(self, timeout_s: float = 3.0) -> bool:
        """Writes what waits and ends the writer; says whether all of it was written in time."""
        self._is_stopping = True
        self._wake.set()
        if self._writer is not None:
            self._writer.join(timeout_s)
        return not self._pending

    def _reject_overflow(self, said: list[EntryBody], chars: int) -> list[EntryBody]:
        """Returns what of these rows, which are counted already, still finds room; hurries the writer."""
        if not self._is_flushing:
            self.flush_now()
        is_full = self.pending_chars - chars >= self._pending_chars_max
        beyond = len(said) if is_full else min(self.pending_rows - self._pending_rows_max, len(said))
        if beyond <= 0:
            return said
        self._lost += beyond
        self._rows_in -= beyond
        return said[: len(said) - beyond]

    # The writer's thread

    def _run(self) -> None:
        connection = self._connect()
        if connection is None:
            return
        wait_s = BATCH_INTERVAL_MS / 1000
        try:
            while True:
                self._wake.wait(wait_s)
                is_last = self._is_stopping
                self._wake.clear()
                wait_s = self._write(connection, wait_s)
                # Not before: until they are committed, the rows of this batch would wake it for a small one behind.
                self._is_flushing = False
                if is_last:
                    return
                self._retain(connection)
        finally:
            connection.close()

    def _connect(self) -> sqlite3.Connection | None:
        """Opens the database, however often it takes, until the journal is closed."""
        wait_s = BATCH_INTERVAL_MS / 1000
        while True:
            try:
                return self._open_connection()
            except (sqlite3.Error, StorageError) as error:
                self._degrade(f"degraded: the journal cannot be opened ({error})")
            self._wake.wait(wait_s)
            if self._is_stopping:
                return None
            self._wake.clear()
            wait_s = min(wait_s * 2, _RETRY_MAX_S)

    def _write(self, connection: sqlite3.Connection, waited_s: float) -> float:
        """Writes all there is and returns how long to wait for more; keeps the rows if the disk fails."""
        lost, waiting = self._lost - self._told, len(self._pending)
        if not waiting and not lost:
            return BATCH_INTERVAL_MS / 1000
        try:
            while waiting > 0:
                waiting -= self._commit(connection)
            self._tell_gap(connection, lost)
        except sqlite3.Error as error:
            self._degrade(f"degraded: the journal cannot be written ({error}); free the disk of the data folder")
            return min(waited_s * 2, _RETRY_MAX_S)
        self.state = "ok"
        return BATCH_INTERVAL_MS / 1000

    def _commit(self, connection: sqlite3.Connection) -> int:
        """Writes some of the oldest moments, only then lets go of them, and returns how many."""
        # As many as make a batch of about the wanted size; the rows of a moment stay together.
        count = max(1, ROWS_PER_BATCH * len(self._pending) // max(1, self.pending_rows))
        written = rows = 0
        with transaction(connection):
            for _ in range(_BATCHES_PER_COMMIT):
                moments = self._pending[written : written + count]
                if not moments:
                    break
                rows += insert_batch(connection, moments, self._redact)
                written += len(moments)
        self.on_written(self._pending[:written])
        self._rows_out += rows
        self._chars_out += sum(self._pending_chars[:written])
        del self._pending_chars[:written]
        del self._pending[:written]
        return written

    def _tell_gap(self, connection: sqlite3.Connection, lost: int) -> None:
        if lost:
            said = f"{lost} rows are missing: the disk could not keep up"
            gap: EntryGroup = (int(self._unix_s() * 1000), None, None, "", [("=", "gap", said)])
            with transaction(connection):
                insert_batch(connection, [gap], self._redact)
            self._told += lost

    def _degrade(self, sentence: str) -> None:
        if self.state == "ok":
            log.error("= %s", sentence)
        self.state = sentence

    def _retain(self, connection: sqlite3.Connection) -> None:
        """Forgets the oldest rows while the file is too large, and once a minute those that are too old."""
        try:
            rows = min(rows_beyond(connection, self._retain_bytes_max), _DELETE_ROWS_MAX)
            while rows > 0 and (deleted := delete_first(connection, rows)):
                rows -= deleted
            if time.monotonic() >= self._next_aging_s:
                oldest_ms = int((self._unix_s() - self._retain_days * 86_400) * 1000)
                # While there are more, they go with a batch written in between.
                self._next_aging_s = time.monotonic() + (0.0 if delete_before(connection, oldest_ms) else _AGE_EVERY_S)
        except sqlite3.Error as error:
            log.warning("= old rows of the journal could not be removed: %s", error)


def cut(payload: str) -> str:
    """Returns a payload, or as much of it as the journal keeps, marked as such."""
    return payload if len(payload) <= PAYLOAD_CHARS_MAX else payload[:PAYLOAD_CHARS_MAX] + "…"


def _tell_nobody(moments: list[EntryGroup]) -> None:
    """Stands where nobody counts."""
