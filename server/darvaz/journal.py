"""The journal: what happened, kept in SQLite, written by one thread that nobody waits for."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable

from darvaz.store import StoreError

log = logging.getLogger("darvaz.journal")

BATCH_INTERVAL_MS = 100
PENDING_ROWS_MAX = 100_000
# A letter takes up to four bytes of memory.
PENDING_CHARS_MAX = 16 * 1024 * 1024
PAYLOAD_CHARS_MAX = 4_096
ROWS_PER_INSERT = 500
DELETE_CHUNK_ROWS = 5_000
# Twice as much as the largest batch brings: a file that is far too large shrinks while rows go on being written.
_DELETE_CHUNKS_MAX = 2 * PENDING_ROWS_MAX // DELETE_CHUNK_ROWS
_SHRINK_TO = 0.95
_AGE_EVERY_S = 60.0
_RETRY_MAX_S = 10.0

Record = tuple[int, str | None, str | None, str, str, str, str]
_COLUMNS = "time_ms, device, kind, address, direction, type, payload"


class Journal:
    """Takes records from the event loop and writes them in batches.

    A record is one append; at most `PENDING_ROWS_MAX` wait, with payloads of `PENDING_CHARS_MAX` in all.
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
        clock_s: Callable[[], float] = time.time,
    ) -> None:
        self._open_connection = open_connection
        self._retain_days = retain_days
        self._retain_bytes_max = retain_bytes_max
        self._pending_rows_max = pending_rows_max
        self._clock_s = clock_s
        self._pending_chars_max = pending_chars_max
        # One list for good: an append may be under way while the writer takes rows from the front.
        self._pending: list[Record] = []
        self._writing = 0
        # Each of these is counted up by one thread only, so that no count is lost between the two.
        self._chars_in = self._chars_out = 0
        self._lost = self._told = 0
        self._next_aging_s = 0.0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.state = "ok"

    def open(self) -> None:
        """Starts the writer."""
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def record(
        self, device: str | None, kind: str | None, address: str, direction: str, type_: str, payload: str
    ) -> None:
        """Notes what happened: received (`<`), sent (`>`) or a change of state (`=`). Never waits."""
        is_full = len(self._pending) + self._writing >= self._pending_rows_max
        if is_full or self._chars_in - self._chars_out >= self._pending_chars_max:
            self._lost += 1
            return
        if len(payload) > PAYLOAD_CHARS_MAX:
            payload = payload[:PAYLOAD_CHARS_MAX] + "…"
        self._chars_in += len(payload)
        self._pending.append((int(self._clock_s() * 1000), device, kind, address, direction, type_, payload))

    def extend(self, rows: list[Record]) -> None:
        """Notes several things at once."""
        if len(self._pending) + self._writing + len(rows) > self._pending_rows_max:
            self._lost += len(rows)
            return
        self._pending.extend(rows)

    def close(self, timeout_s: float = 3.0) -> bool:
        """Writes what waits and ends the writer; says whether all of it was written in time."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
        return not self._pending and not self._writing

    # The writer's thread

    def _run(self) -> None:
        connection = self._connect()
        if connection is None:
            return
        wait_s = BATCH_INTERVAL_MS / 1000
        try:
            while True:
                is_last = self._stop.wait(wait_s)
                wait_s = self._write(connection, wait_s)
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
            except (sqlite3.Error, StoreError) as error:
                self._degrade(f"degraded: the journal cannot be opened ({error})")
            if self._stop.wait(wait_s):
                return None
            wait_s = min(wait_s * 2, _RETRY_MAX_S)

    def _write(self, connection: sqlite3.Connection, waited_s: float) -> float:
        """Writes a batch and returns how long to wait for the next; keeps the rows if the disk fails."""
        batch = self._pending.copy()
        lost = self._lost - self._told
        if not batch and not lost:
            return BATCH_INTERVAL_MS / 1000
        self._writing = len(batch)
        del self._pending[: len(batch)]
        try:
            self._insert(connection, [*batch, *self._gap(lost)])
        except sqlite3.Error as error:
            self._pending[:0] = batch
            self._writing = 0
            self._degrade(f"degraded: the journal cannot be written ({error}); free the disk of the data folder")
            return min(waited_s * 2, _RETRY_MAX_S)
        self._writing = 0
        self._chars_out += sum(len(row[-1]) for row in batch)
        self._told += lost
        self.state = "ok"
        return BATCH_INTERVAL_MS / 1000

    def _insert(self, connection: sqlite3.Connection, batch: list[Record]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        try:
            for start in range(0, len(batch), ROWS_PER_INSERT):
                rows = batch[start : start + ROWS_PER_INSERT]
                places = ",".join(["(?,?,?,?,?,?,?)"] * len(rows))
                values = [value for row in rows for value in row]
                connection.execute(f"INSERT INTO journal ({_COLUMNS}) VALUES {places}", values)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _gap(self, lost: int) -> list[Record]:
        if not lost:
            return []
        said = f"{lost} rows are missing: the disk could not keep up"
        return [(int(self._clock_s() * 1000), None, None, "", "=", "gap", said)]

    def _degrade(self, sentence: str) -> None:
        if self.state == "ok":
            log.error("= %s", sentence)
        self.state = sentence

    # Retention

    def _retain(self, connection: sqlite3.Connection) -> None:
        """Forgets the oldest rows while the file is too large, and once a minute those that are too old."""
        try:
            for _ in range(_DELETE_CHUNKS_MAX):
                rows = _rows_beyond(connection, self._retain_bytes_max)
                if not rows or not self._delete(connection, "ORDER BY id LIMIT ?", min(rows, DELETE_CHUNK_ROWS)):
                    break
            if time.monotonic() >= self._next_aging_s:
                oldest_ms = int((self._clock_s() - self._retain_days * 86_400) * 1000)
                deleted = self._delete(connection, "WHERE time_ms < ? LIMIT ?", oldest_ms, DELETE_CHUNK_ROWS)
                # After a full chunk there may be more, with a batch written in between.
                self._next_aging_s = time.monotonic() + (_AGE_EVERY_S if deleted < DELETE_CHUNK_ROWS else 0.0)
        except sqlite3.Error as error:
            log.warning("= old rows of the journal could not be removed: %s", error)

    def _delete(self, connection: sqlite3.Connection, which: str, *values: int) -> int:
        statement = f"DELETE FROM journal WHERE id IN (SELECT id FROM journal {which})"
        return connection.execute(statement, values).rowcount


def _rows_beyond(connection: sqlite3.Connection, bytes_max: int) -> int:
    """Returns about how many rows must go for the file to be a little smaller than its maximum; 0 if it is."""
    used_bytes = _used_bytes(connection)
    if used_bytes <= bytes_max:
        return 0
    # Asked for together, SQLite would look at every row for them.
    ends = "SELECT (SELECT min(id) FROM journal), (SELECT max(id) FROM journal)"
    first, last = connection.execute(ends).fetchone()
    share = 1 - _SHRINK_TO * bytes_max / used_bytes
    return 1 + int(((last or 0) - (first or 0)) * share)


def _used_bytes(connection: sqlite3.Connection) -> int:
    def pragma(name: str) -> int:
        return int(connection.execute(f"PRAGMA {name}").fetchone()[0])

    return (pragma("page_count") - pragma("freelist_count")) * pragma("page_size")
