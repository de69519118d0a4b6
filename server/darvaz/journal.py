"""The journal: what happened, kept in SQLite, written by one thread that nobody waits for."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable

log = logging.getLogger("darvaz.journal")

BATCH_INTERVAL_MS = 100
PENDING_ROWS_MAX = 100_000
PAYLOAD_CHARS_MAX = 4_096
ROWS_PER_INSERT = 500
DELETE_CHUNK_ROWS = 5_000
_RETAIN_EVERY_S = 60.0
_RETRY_MAX_S = 10.0

Record = tuple[int, str | None, str | None, str, str, str, str]
_COLUMNS = "time_ms, device, kind, address, direction, type, payload"


class Journal:
    """Takes records from the event loop and writes them in batches.

    A record is one append; at most `PENDING_ROWS_MAX` wait. Beyond that the newest are counted, and
    a row of type `gap` says how many are missing as soon as the disk takes rows again.
    """

    def __init__(
        self,
        open_connection: Callable[[], sqlite3.Connection],
        *,
        retain_days: float = 30.0,
        retain_bytes_max: int = 512 * 1024 * 1024,
        pending_rows_max: int = PENDING_ROWS_MAX,
        clock_s: Callable[[], float] = time.time,
    ) -> None:
        self._open_connection = open_connection
        self._retain_days = retain_days
        self._retain_bytes_max = retain_bytes_max
        self._pending_rows_max = pending_rows_max
        self._clock_s = clock_s
        self._pending: list[Record] = []
        self._writing = 0
        self._lost = 0
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
        if len(self._pending) + self._writing >= self._pending_rows_max:
            self._lost += 1
            return
        if len(payload) > PAYLOAD_CHARS_MAX:
            payload = payload[:PAYLOAD_CHARS_MAX] + "…"
        self._pending.append((int(self._clock_s() * 1000), device, kind, address, direction, type_, payload))

    def close(self, timeout_s: float = 3.0) -> bool:
        """Writes what waits and ends the writer; says whether all of it was written in time."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
        return not self._pending and not self._writing

    # The writer's thread

    def _run(self) -> None:
        connection = self._open_connection()
        retain_s, wait_s = 0.0, BATCH_INTERVAL_MS / 1000
        try:
            while True:
                is_last = self._stop.wait(wait_s)
                wait_s = self._write(connection, wait_s)
                if is_last:
                    return
                if time.monotonic() >= retain_s:
                    retain_s = time.monotonic() + _RETAIN_EVERY_S
                    self._retain(connection)
        finally:
            connection.close()

    def _write(self, connection: sqlite3.Connection, waited_s: float) -> float:
        """Writes a batch and returns how long to wait for the next; keeps the rows if the disk fails."""
        batch, self._pending = self._pending, []
        if not batch and not self._lost:
            return BATCH_INTERVAL_MS / 1000
        self._writing = len(batch)
        lost = self._lost
        try:
            self._insert(connection, [*batch, *self._gap(lost)])
        except sqlite3.Error as error:
            self._pending = batch + self._pending
            self._writing = 0
            self._degrade(f"degraded: the journal cannot be written ({error}); free the disk of the data folder")
            return min(waited_s * 2, _RETRY_MAX_S)
        self._writing = 0
        self._lost -= lost
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
        """Forgets rows that are too old, then the oldest while the file is too large."""
        try:
            oldest_ms = int((self._clock_s() - self._retain_days * 86_400) * 1000)
            while self._delete(connection, "WHERE time_ms < ?", oldest_ms):
                pass
            while _used_bytes(connection) > self._retain_bytes_max and self._delete(connection, "WHERE ? OR 1", 0):
                pass
        except sqlite3.Error as error:
            log.warning("= old rows of the journal could not be removed: %s", error)

    def _delete(self, connection: sqlite3.Connection, where: str, value: int) -> int:
        statement = f"DELETE FROM journal WHERE id IN (SELECT id FROM journal {where} ORDER BY id LIMIT ?)"
        return connection.execute(statement, (value, DELETE_CHUNK_ROWS)).rowcount


def _used_bytes(connection: sqlite3.Connection) -> int:
    def pragma(name: str) -> int:
        return int(connection.execute(f"PRAGMA {name}").fetchone()[0])

    return (pragma("page_count") - pragma("freelist_count")) * pragma("page_size")
