"""The history of telemetry: every reading at the time it happened, and summaries of five minutes and hours, for years.

Reports are accepted by the event loop, made durable by the recorder, sorted by series in memory, and written into the
database in large batches: once an hour, when there are many, and at the end. A plot adds what waits to what is written.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from darvaz.gateway.storage.background_writer import OK, BackgroundWriter
from darvaz.gateway.storage.damage import FileWatch, is_damage, move_aside
from darvaz.gateway.storage.database import StorageError
from darvaz.gateway.storage.record_log import Record
from darvaz.gateway.storage.recorder import READINGS
from darvaz.gateway.telemetry.history_limits import HistoryLimits
from darvaz.gateway.telemetry.history_schema import DATABASE_NAME
from darvaz.gateway.telemetry.history_tables import Retention
from darvaz.gateway.telemetry.newest import Newest
from darvaz.gateway.telemetry.recent import Reports, Value
from darvaz.gateway.telemetry.report_queue import LastReadings, ReportQueue, State, Waiting
from darvaz.gateway.telemetry.store import HistoryStore

log = logging.getLogger("darvaz.history")

PENDING_REPORTS_MAX = 50_000
# Values that wait at most: more are written before their time; in memory each takes about 50 bytes.
RECENT_VALUES_MAX = 200_000
FLUSH_INTERVAL_S = 3600.0
# The recorder is urged when this part of the waiting reports that are allowed is reached.
_URGED_PART = 4
_RETAIN_EVERY_S = 600.0
_CHECK_EVERY_S = 60.0
# How often the writer looks whether another program has written the file, or removed it.
_LOOK_EVERY_S = 2.0


class History:
    """Accepts reports from the event loop; the recorder's thread and a writer of its own do the rest.

    At most `PENDING_REPORTS_MAX` reports wait for the recorder; beyond that the newest are dropped and counted.
    """

    kind = READINGS

    def __init__(
        self,
        open_store: Callable[[], HistoryStore],
        retention: Retention | None = None,
        *,
        pending_reports_max: int = PENDING_REPORTS_MAX,
        release: Callable[[int, int], None] | None = None,
        unix_s: Callable[[], float] = time.time,
        folder: Path | None = None,
    ) -> None:
        self.retention = retention or Retention()
        # Since the start; counted by the event loop.
        self.dropped_reports = 0
        self.limits = HistoryLimits()
        # Tells the recorder what the database has; without a recorder, the writer takes what waits itself.
        self.release = release
        self.urge: Callable[[], None] = _nothing
        """Has the recorder take what waits, before its time: many reports come."""
        self._unix_s = unix_s
        self._open_store = open_store
        # The writer's own; None until it is open.
        self._store: HistoryStore | None = None
        self._pending_reports_max = pending_reports_max
        self._queue = ReportQueue()
        # How many reports the database has, counted as `ReportQueue.accepted`. The writer's.
        self._written = 0
        # Readings that found no place, since the start. The writer's.
        self._refused_readings = 0
        self.restored: dict[str, Newest] = {}
        """The newest values of before the start, by device, until `newest` is set."""
        self.newest: Callable[[str], Newest] = lambda device: self.restored.get(device, ("", {}))
        """Returns the newest values of a device, to be stored with its readings; from any thread."""
        # Whether the recorder has ended, or failed: what it left is taken by the writer.
        self._is_closing = False
        self._retain_s = self._flush_s = self._cut_s = 0.0
        # Whether somebody could not read the file. Set by the event loop.
        self._is_suspect = False
        # Without a folder, a damaged file stays where it is.
        self._watch = FileWatch(None if folder is None else folder / DATABASE_NAME)
        self.on_replaced: Callable[[str], None] = _ignore
        """Is called by the writer with what happened when the file was damaged, and there is a fresh one."""
        self.on_gap: Callable[[str], None] = _ignore
        """Is called by the writer with how many reports are missing, and why."""
        self.writer = BackgroundWriter(
            "history",
            open=self._connect,
            write=self._write,
            position=lambda: self._queue.accepted,
            lost=lambda: self.dropped_reports,
            write_gap=self._tell_gap,
            tidy=self._tidy,
            close=self._disconnect,
            interval_s=_LOOK_EVERY_S,
            mend=self._replace,
        )

    # From the event loop

    def open(self) -> None:
        """Starts the writer."""
        self.writer.start()

    @property
    def state(self) -> str:
        """ "ok", or a sentence that says what is wrong."""
        has_note = self.writer.state == OK and self.writer.notes != []
        return self.writer.notes[-1] if has_note else self.writer.state

    @property
    def position(self) -> int:
        """How many reports were ever accepted."""
        return self._queue.accepted

    def record(self, device: str, time_s: float, values: Mapping[str, Value], boot: str = "", number: int = -1) -> None:
        """Keeps the values of one report, at the time it happened, once if it has a boot and a number. Never waits."""
        reports = Reports(device, boot)
        reports.add(int(time_s * 1000), values, number)
        self.record_all(reports)

    def record_all(self, reports: Reports) -> None:
        """Keeps reports of one device, each once if there is a boot and the report has a number. Never waits."""
        waiting = len(self._queue)
        places = self._pending_reports_max - waiting
        if places < len(reports.values):
            # Their numbers are not taken: they may come again.
            self.dropped_reports += len(reports.values) - max(places, 0)
            reports = reports.only(range(max(places, 0)))
        self._queue.add(reports)
        urged = self._pending_reports_max // _URGED_PART
        if waiting <= urged < len(self._queue):
            self.urge()

    def forget(self, device: str) -> None:
        """Deletes all that a device has reported so far."""
        self._queue.forget(device)
        self.flush_now()

    def flush_now(self) -> None:
        """Has the writer write everything into the database."""
        self._flush_s = 0.0
        self.writer.wake()

    async def wait_until_stored(self, deadline_s: float) -> bool:
        """Returns once the database has everything that the recorder has taken; False if that takes longer."""
        position = self._queue.accepted
        self.flush_now()
        return await self.writer.wait_until_written(position, deadline_s)

    def suspect(self) -> None:
        """Has the file checked, and replaced if it is damaged: somebody could not read it."""
        self._is_suspect = True
        self.writer.wake()

    def waiting(self, device: str, name: str) -> list[Waiting]:
        """Returns the numbers of a series that the database may not have yet, oldest flush first."""
        return self._queue.waiting(device, name)

    def waiting_states(self, device: str, name: str) -> list[State]:
        """Returns the changes of a text or truth value that the database may not have yet, oldest first."""
        return self._queue.waiting_states(device, name)

    def newest_waiting(self, device: str) -> LastReadings:
        """Returns the newest waiting number of each name and its Unix time, as `last_readings` does."""
        return self._queue.newest_waiting(device)

    def stop(self) -> None:
        """Asks the writer to write what waits and end, after the recorder did; `close` waits for that."""
        self._is_closing = True
        self._flush_s = 0.0
        self.writer.stop()

    def close(self, timeout_s: float = 3.0) -> bool:
        """Writes what waits and ends the writer; says whether all of it was written in time."""
        self.stop()
        return self.writer.close(timeout_s)

    # The recorder's thread

    def replay(self, record: Record) -> None:
        """Takes a record of before the start that the database may not have."""
        self._connect_at_start()
        self._queue.replay(record, self.restored)

    def write_replayed(self) -> None:
        """Writes what `replay` took, before the thread starts; raises what opening the database raises."""
        self._connect_at_start()
        if self._queue.has_news:
            self.writer.write_once()
        assert self._store is not None
        try:
            self._queue.taken = self._store.taken()
        except sqlite3.Error as error:
            if not self.writer.try_to_mend(error):
                raise

    @property
    def stored_record(self) -> int:
        """The newest record that the database had when it was opened."""
        return self._queue.stored_record

    @property
    def has_news(self) -> bool:
        """Whether any report waits for the record log."""
        return len(self._queue) > 0

    def append_waiting(self, append: Callable[[bytes], int]) -> None:
        """Puts what waits into the record log, and sorts it."""
        self._queue.append_waiting(append)
        if self._queue.values >= RECENT_VALUES_MAX:
            self.flush_now()

    def sync_database(self) -> None:
        """Does nothing: the database takes only what has a record, and is synced by itself."""

    # The writer's thread

    def _connect(self) -> None:
        if self._store is None:
            store = self._open_store()
            try:
                self._queue.begin_at(*store.position())
            except (sqlite3.Error, StorageError):
                store.close()
                raise
            self._watch.note()
            self._store = store

    def _connect_at_start(self) -> None:
        if self._store is not None:
            return
        try:
            self.restored = self._connect_and_load()
        except (sqlite3.Error, StorageError) as error:
            if not self.writer.try_to_mend(error):
                raise
            self.restored = self._connect_and_load()

    def _connect_and_load(self) -> dict[str, Newest]:
        self._connect()
        assert self._store is not None
        return self._store.newest()

    def _disconnect(self) -> None:
        if self._store is not None:
            self._store.close()

    def _write(self) -> int:
        """Writes all that waits, if it is time, and returns how many reports are written."""
        store = self._store
        assert store is not None
        is_suspect, self._is_suspect = self._is_suspect, False
        self._watch.check(is_suspect)
        if time.monotonic() < self._flush_s and not self._is_closing:
            return self._written
        # Set before the disk is waited for: what asks for a flush meanwhile gets the next one.
        self._flush_s = time.monotonic() + FLUSH_INTERVAL_S
        position, record = self._queue.begin_flush(is_last=self.release is None or self._is_closing)
        if self._queue.flushing.has_news:
            try:
                self._commit(store, record)
            except BaseException:
                self._flush_s = 0.0
                raise
        self._written = position
        return self._written

    def _tell_gap(self, reports: int) -> None:
        note = f"{reports} reports are missing in the history: the disk could not keep up"
        log.warning("= %s", note)
        self.on_gap(note)

    def _replace(self, error: Exception) -> str | None:
        """Moves a damaged file aside, so that a fresh one is opened; returns what happened."""
        if self._watch.path is None or not is_damage(error):
            return None
        self._disconnect()
        self._store, self._flush_s = None, 0.0
        note = move_aside(self._watch.path, "history", self._unix_s())
        self.on_replaced(note)
        return note

    def _commit(self, store: HistoryStore, record: int) -> None:
        self._refused_readings += store.write(self._queue.flushing, self.newest, record)
        # What was just written may be too much.
        self._cut_s = 0.0
        self._watch.note()
        self._queue.end_flush()
        if self.release is not None:
            self.release(READINGS, record)

    def _tidy(self) -> None:
        """Deletes what is too much, and every few minutes what is too old."""
        is_due = time.monotonic() >= self._retain_s
        if is_due:
            self._retain_s = time.monotonic() + _RETAIN_EVERY_S
        if is_due or time.monotonic() >= self._cut_s:
            self._cut_s = time.monotonic() + _CHECK_EVERY_S
            self.retain(is_due)
        self._watch.note()

    def retain(self, by_age: bool = True) -> None:
        """Deletes what is too old, if asked to, then the oldest while the file is too large."""
        store = self._store
        assert store is not None
        is_cut = store.retain(self.retention, self._unix_s(), by_age=by_age)
        self.limits.note_cut(store, is_cut, self.retention, self._unix_s())
        self.limits.note(self.dropped_reports, self._refused_readings, store.series_max, self.retention)
        self._watch.note()


def _ignore(note: str) -> None:
    """Stands where nobody listens."""


def _nothing() -> None:
    """Stands where there is no recorder."""
