"""The journal: what happened, kept in SQLite, written in the background.

When the disk cannot keep up, the gateway goes on: rows beyond the limit are counted, and a row of type `gap` says how
many are missing. The other way, to read no device until the disk has caught up, would let a full disk end every
heartbeat and every command.
"""

from __future__ import annotations

import sqlite3
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
from darvaz.gateway.storage.background_writer import BackgroundWriter
from darvaz.gateway.storage.database import transaction

BATCH_INTERVAL_MS: Final = 100
PAYLOAD_CHARS_MAX: Final = 4_096
PENDING_ROWS_MAX: Final = 100_000
# A character takes up to four bytes of memory.
PENDING_CHARS_MAX: Final = 16 * 1024 * 1024
# More rows than these are written before the interval is over, while the processor's cache still holds them.
_BUSY_ROWS: Final = 2_000
# The database is locked for other writers, the event loop's among them, while this many batches are written.
_BATCHES_PER_COMMIT: Final = 4
# Twice as much as the largest backlog brings: a file that is far too large shrinks while rows go on being written.
_DELETE_ROWS_MAX: Final = 2 * PENDING_ROWS_MAX
_AGE_EVERY_S: Final = 60.0


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
        # The writer's own; None until it is open.
        self._connection: sqlite3.Connection | None = None
        self._retain_days = retain_days
        self._retain_bytes_max = retain_bytes_max
        self._pending_rows_max = pending_rows_max
        self._pending_chars_max = pending_chars_max
        self._busy_rows = min(_BUSY_ROWS, pending_rows_max)
        # Whether the writer was woken and has not written since: waking it costs more than appending a row.
        self._is_flushing = False
        self._redact = redact
        self._unix_s = unix_s
        # The same two lists until the end, groups and the characters in each: the event loop appends, the writer
        # removes in front what is committed, each in one step of the interpreter, and without a lock.
        self._pending: list[EntryGroup] = []
        self._pending_chars: list[int] = []
        # Since the start. `in` and `lost` are counted by the event loop, `out` by the writer's thread, so that no
        # count is lost between the two.
        self._rows_in = self._rows_out = 0
        self._chars_in = self._chars_out = 0
        self._lost = 0
        # Monotonic seconds at which rows that are too old are deleted next. The writer's.
        self._next_aging_s = 0.0
        self.on_written: Callable[[list[EntryGroup]], None] = _ignore
        """Is called by the writer's thread with what was written."""
        self.writer = BackgroundWriter(
            "journal",
            open=self._connect,
            write=self._write,
            position=lambda: self._rows_in,
            lost=lambda: self._lost,
            write_gap=self._write_gap,
            tidy=self._retain,
            close=self._disconnect,
            interval_s=BATCH_INTERVAL_MS / 1000,
        )

    def open(self) -> None:
        """Starts the writer."""
        self.writer.start()

    def record(
        self, device: str | None, kind: str | None, address: str, direction: str, type_: str, payload: str
    ) -> None:
        """Notes what happened: received (`<`), sent (`>`) or a change of state (`=`). Never waits."""
        payload = cut(payload)
        time_ms = int(self._unix_s() * 1000)
        self.extend(time_ms, device, kind, address, [(direction, type_, payload)], len(payload))

    def extend(
        self, time_ms: int, device: str | None, kind: str | None, address: str, entries: list[EntryBody], chars: int
    ) -> None:
        """Notes what one link received and sent at once: payloads of `chars` characters, already cut. Never waits."""
        self._rows_in += len(entries)
        self._chars_in += chars
        waiting = self._rows_in - self._rows_out
        if waiting > self._busy_rows and not self._is_flushing:
            self.flush_now()
        if waiting > self._pending_rows_max or self._chars_in - self._chars_out > self._pending_chars_max:
            entries = self._reject_overflow(entries, chars)
            if not entries:
                self._chars_in -= chars
                return
        self._pending_chars.append(chars)
        self._pending.append((time_ms, device, kind, address, entries))

    @property
    def state(self) -> str:
        """ "ok", or a sentence that says what is wrong."""
        return self.writer.state

    @property
    def pending_rows(self) -> int:
        """How many rows are not yet committed."""
        return self._rows_in - self._rows_out

    @property
    def pending_chars(self) -> int:
        """How many characters their payloads have."""
        return self._chars_in - self._chars_out

    @property
    def position(self) -> int:
        """How many rows were ever accepted; the writer says when everything up to here is written."""
        return self._rows_in

    def flush_now(self) -> None:
        """Has the writer write what waits at once."""
        self._is_flushing = True
        self.writer.wake()

    def set_retention(self, retain_days: float, retain_bytes_max: int) -> None:
        """Changes for how long and how much the journal keeps."""
        self._retain_days, self._retain_bytes_max = retain_days, retain_bytes_max

    def close(self, timeout_s: float = 3.0) -> bool:
        """Writes what waits and ends the writer; says whether all of it was written in time."""
        return self.writer.close(timeout_s)

    def _reject_overflow(self, entries: list[EntryBody], chars: int) -> list[EntryBody]:
        """Returns those of these rows, which are counted already, that are within the limits; wakes the writer."""
        if not self._is_flushing:
            self.flush_now()
        is_full = self.pending_chars - chars >= self._pending_chars_max
        beyond = len(entries) if is_full else min(self.pending_rows - self._pending_rows_max, len(entries))
        if beyond <= 0:
            return entries
        self._lost += beyond
        self._rows_in -= beyond
        return entries[: len(entries) - beyond]

    # The writer's thread

    def _connect(self) -> None:
        self._connection = self._open_connection()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _write(self) -> int:
        """Writes all there is and returns how many rows are written; keeps those that the disk does not take."""
        connection = self._connection
        assert connection is not None
        waiting = len(self._pending)
        try:
            while waiting > 0:
                waiting -= self._commit(connection)
        finally:
            # Not before: rows that come while this batch is committed would wake the writer for a small one.
            self._is_flushing = False
        return self._rows_out

    def _commit(self, connection: sqlite3.Connection) -> int:
        """Writes some of the oldest groups, removes them once they are committed, and returns how many."""
        # As many as make a batch of about the wanted size; the rows of a group stay together.
        count = max(1, ROWS_PER_BATCH * len(self._pending) // max(1, self.pending_rows))
        written: list[EntryGroup] = []
        rows = 0
        with transaction(connection):
            for _ in range(_BATCHES_PER_COMMIT):
                groups = self._pending[len(written) : len(written) + count]
                if not groups:
                    break
                rows += insert_batch(connection, groups, self._redact)
                written += groups
        self._rows_out += rows
        self._chars_out += sum(self._pending_chars[: len(written)])
        del self._pending_chars[: len(written)]
        del self._pending[: len(written)]
        # Last, for these rows must not be written again if it fails.
        self.on_written(written)
        return len(written)

    def _write_gap(self, rows: int) -> None:
        connection = self._connection
        assert connection is not None
        payload = f"{rows} rows are missing: the disk could not keep up"
        gap: EntryGroup = (int(self._unix_s() * 1000), None, None, "", [("=", "gap", payload)])
        with transaction(connection):
            insert_batch(connection, [gap], self._redact)

    def _retain(self) -> None:
        """Deletes the oldest rows while the file is too large, and once a minute those that are too old."""
        connection = self._connection
        assert connection is not None
        rows = min(rows_beyond(connection, self._retain_bytes_max), _DELETE_ROWS_MAX)
        while rows > 0 and (deleted := delete_first(connection, rows)):
            rows -= deleted
        if time.monotonic() >= self._next_aging_s:
            oldest_ms = int((self._unix_s() - self._retain_days * 86_400) * 1000)
            # While there are more, they go with a batch written in between.
            self._next_aging_s = time.monotonic() + (0.0 if delete_before(connection, oldest_ms) else _AGE_EVERY_S)


def cut(payload: str) -> str:
    """Returns a payload, or as much of it as the journal keeps, marked as such."""
    return payload if len(payload) <= PAYLOAD_CHARS_MAX else payload[:PAYLOAD_CHARS_MAX] + "…"


def _ignore(groups: list[EntryGroup]) -> None:
    """Stands where nobody counts what is written."""
