"""The journal: what happened, written into a store in the background.

The event loop appends. The recorder puts what waits into the record log, which survives a power cut; the journal's own
thread writes it into the database in large batches: when many entries wait, every few minutes, when somebody reads, and
at the end. Each entry has a number from the moment it is accepted, so that both may take it, and none is stored twice.

When the disk cannot keep up, entries beyond the limit are counted, and one of type `gap` says how many are missing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from darvaz.gateway.journal import limits
from darvaz.gateway.journal.batches import (
    ROWS_PER_BATCH,
    EntryBody,
    EntryGroup,
    cut,
    groups_within,
    pack,
)
from darvaz.gateway.journal.retention import JournalRetention
from darvaz.gateway.journal.store import JournalStore
from darvaz.gateway.journal.taken_groups import TakenGroups
from darvaz.gateway.storage.background_writer import BackgroundWriter
from darvaz.gateway.storage.record_log import Record
from darvaz.gateway.storage.recorder import JOURNAL
from darvaz.gateway.storage.sequences import Sequences
from darvaz.gateway.storage.shared_database import SharedDatabase


class Journal:
    """Takes entries from the event loop; the recorder's thread and a writer of its own do the rest.

    An entry is one append; at most `PENDING_ROWS_MAX` wait, with payloads of `PENDING_CHARS_MAX` in all. The file is
    held to `retain_bytes_max` after each batch.
    """

    kind = JOURNAL

    def __init__(
        self,
        open_store: Callable[[], JournalStore],
        *,
        retain_days: float = 30.0,
        retain_bytes_max: int = 512 * 1024 * 1024,
        pending_rows_max: int = limits.PENDING_ROWS_MAX,
        pending_chars_max: int = limits.PENDING_CHARS_MAX,
        redact: Callable[[str], str] = str,
        unix_s: Callable[[], float] = time.time,
        has_record_log: bool = False,
        database: SharedDatabase | None = None,
    ) -> None:
        self._open_store = open_store
        # The writer's own, and what syncs it, also while it is opened again; None until it is open.
        self._store: JournalStore | None = None
        self._sync_store: Callable[[], None] | None = None
        self.retention = JournalRetention(retain_days, retain_bytes_max, unix_s)
        self._pending_rows_max, self._pending_chars_max = pending_rows_max, pending_chars_max
        self._has_record_log = has_record_log
        # How many entries make the writer write before its time. The writer's.
        self._flush_rows = min(limits.FLUSH_ROWS if has_record_log else limits.FLOOD_ROWS, pending_rows_max)
        self._flush_chars = min(limits.FLUSH_CHARS, pending_chars_max)
        # Whether the writer was woken and has not written since: waking it costs more than appending an entry.
        self._is_flushing = False
        self._redact, self._unix_s = redact, unix_s
        # Groups, and the characters in each; the same lists until the end. The event loop appends, the writer removes
        # in front what is committed, each in one step of the interpreter.
        self._pending: list[EntryGroup] = []
        self._pending_chars: list[int] = []
        # Since the start. The event loop counts `in` and `lost`, the writer's thread `out`, so that no count is lost.
        self._rows_in = self._rows_out = self._chars_in = self._chars_out = 0
        self._lost = self._reported_lost = self._reported_groups = 0
        # Guards what follows, and the front of the pending lists; the event loop never takes it.
        self._lock = threading.Lock()
        # The number of the first entry that waits, and of the first that the record log does not have.
        self._first_id = self._unlogged_id = 1
        self._base_id = 0  # Of the entry before the first that was accepted. Set before the event loop runs.
        self.is_cut_off, self.newest_ms = False, 0
        """Whether the gateway before this one did not end in order, and the Unix milliseconds of its newest entry."""
        # The same as counts of groups since the start.
        self._groups_in = self._groups_out = self._logged_groups = 0
        self.taken = TakenGroups()
        # Records that the database does not have: the number of each, and the entry behind its last.
        self._records: list[tuple[int, int]] = []
        # Entries before this number are in the database and survive a power cut.
        self._synced_id = 0
        self._written_s = 0.0  # Monotonic seconds of the last write. The writer's.
        self.release: Callable[[int, int], None] = lambda kind, number: None
        """Tells the recorder which records the database has."""
        self.urge: Callable[[], None] = lambda: None
        """Asks the recorder to make what waits durable soon."""
        self.on_written: Callable[[list[EntryGroup]], None] = lambda groups: None
        """Is called by one of the threads with what is on the disk, each group once, in order."""
        self.on_packed: Callable[[int, list[EntryGroup], list[Any], bytes], None] = lambda *packed: None
        """Is called by the recorder's thread with what is in a record, and the record; not all entries are in one."""
        self.on_accepted: Callable[[int, str | None, list[EntryBody]], None] | None = None
        """Is called with what was accepted at once: the number of the first entry, the device, and the entries."""
        self.writer = BackgroundWriter(
            "journal",
            open=self._connect,
            write=self._write,
            position=lambda: self._rows_in,
            tidy=lambda: self._connect().tidy(self.retention),
            close=self._disconnect,
            database=database,
            leave=self._leave,
            interval_s=limits.FLUSH_INTERVAL_S if has_record_log else limits.BATCH_INTERVAL_S,
        )

    # From the event loop

    def open(self) -> None:
        """Starts the writer."""
        self.writer.start()

    def record(
        self, device: str | None, kind: str | None, address: str, direction: str, type_: str, payload: str,
        *, is_urgent: bool = True,
    ) -> None:  # fmt: skip
        """Notes what happened: received (`<`), sent (`>`) or a change of state (`=`). Never waits."""
        entry = (direction, type_, cut(payload))
        self.extend(int(self._unix_s() * 1000), device, kind, address, [entry], len(entry[2]))
        if is_urgent:
            self.urge()

    def extend(
        self, time_ms: int, device: str | None, kind: str | None, address: str, entries: list[EntryBody], chars: int,
        taken: Any = None,
    ) -> None:  # fmt: skip
        """Notes what one link received and sent at once: payloads of `chars` characters, already cut. Never waits."""
        # `taken`, of type `Taken`: the numbers of the board's messages among these.
        if self._lost > self._reported_lost and self._has_room(len(entries), chars):
            self._append_gap()
        self._rows_in += len(entries)
        self._chars_in += chars
        waiting, waiting_chars = self._rows_in - self._rows_out, self._chars_in - self._chars_out
        if (waiting > self._flush_rows or waiting_chars > self._flush_chars) and not self._is_flushing:
            self.flush_now()
        if waiting > self._pending_rows_max or waiting_chars > self._pending_chars_max:
            entries = self._reject_overflow(entries, chars)
            if not entries:
                self._chars_in -= chars
                return
        if taken is not None:
            self.taken.note(self._groups_in, taken)
        self._groups_in += 1
        self._pending_chars.append(chars)
        self._pending.append((time_ms, device, kind, address, entries))
        if self.on_accepted is not None:
            self.on_accepted(self._base_id + self._rows_in - len(entries) + 1, device, entries)

    def note_taken(self, taken: Any) -> None:
        """Has more numbers, of type `Taken`, stored with what is accepted next."""
        self.taken.note(self._groups_in, taken)

    @property
    def state(self) -> str:
        """ "ok", or a sentence that says what is wrong."""
        return self.writer.state

    @property
    def pending_rows(self) -> int:
        """How many entries are not yet in the database."""
        return self._rows_in - self._rows_out

    @property
    def pending_chars(self) -> int:
        """How many characters their payloads have."""
        return self._chars_in - self._chars_out

    @property
    def position(self) -> int:
        """How many entries were ever accepted; the writer says when everything up to here is in the database."""
        return self._rows_in

    @property
    def newest_id(self) -> int:
        """The number of the newest entry that was accepted, on the disk or not."""
        return self._base_id + self._rows_in

    def flush_now(self) -> None:
        """Has the writer write what waits at once."""
        self._is_flushing = True
        self.writer.wake()

    def close(self, timeout_s: float = 3.0) -> bool:
        """Writes what waits and ends the writer; says whether all of it was written in time."""
        if self._lost > self._reported_lost:
            self._append_gap()
        return self.writer.close(timeout_s)

    def _has_room(self, rows: int, chars: int) -> bool:
        """Returns whether what comes now fits, and one entry more."""
        return (
            self.pending_rows + rows < self._pending_rows_max and self.pending_chars + chars < self._pending_chars_max
        )

    def _append_gap(self) -> None:
        payload = f"{self._lost - self._reported_lost} rows are missing: the disk could not keep up"
        self._reported_lost = self._lost
        self._rows_in, self._groups_in = self._rows_in + 1, self._groups_in + 1
        self._chars_in += len(payload)
        self._pending_chars.append(len(payload))
        self._pending.append((int(self._unix_s() * 1000), None, None, "", [("=", "gap", payload)]))

    def _reject_overflow(self, entries: list[EntryBody], chars: int) -> list[EntryBody]:
        """Returns those of these entries, which are counted already, that are within the limits; wakes the writer."""
        self.flush_now()
        is_full = self.pending_chars - chars >= self._pending_chars_max
        beyond = len(entries) if is_full else min(self.pending_rows - self._pending_rows_max, len(entries))
        if beyond <= 0:
            return entries
        self._lost, self._rows_in = self._lost + beyond, self._rows_in - beyond
        return entries[: len(entries) - beyond]

    # At the start

    def replay(self, record: Record) -> None:
        """Stores what a record has and the database does not."""
        self._connect().write_record(record.data)

    # The recorder's thread

    @property
    def has_news(self) -> bool:
        """Whether more waits for the record log than heartbeats."""
        with self._lock:
            start = max(0, self._logged_groups - self._groups_out)
            groups = self._pending[start : start + limits.LOOKED_AT_MAX]
        return self._synced_id < self._first_id or limits.have_news(groups)

    def append_waiting(self, append: Callable[[bytes], int]) -> None:
        """Puts into the record log what it does not have yet."""
        while True:
            with self._lock:
                if self._logged_groups < self._groups_out:
                    self._logged_groups, self._unlogged_id = self._groups_out, self._first_id
                start, first_id = self._logged_groups - self._groups_out, self._unlogged_id
                groups = self._pending[
                    start : start + groups_within(self._pending_chars[start:], limits.CHARS_PER_RECORD)
                ]
                taken = self.taken.between(self._logged_groups, self._logged_groups + len(groups))
            if not groups:
                return
            number = append(packed := pack(first_id, groups, self._redact, taken))
            self.on_packed(first_id, groups, taken, packed)
            with self._lock:
                self._logged_groups += len(groups)
                self._unlogged_id = first_id + sum([len(group[4]) for group in groups])
                self._records.append((number, self._unlogged_id))
                self._report(groups, self._logged_groups)

    def sync_database(self) -> None:
        """Makes durable what is in the database without being in the record log; raises OSError."""
        first_id = self._first_id
        if self._synced_id < first_id and self._sync_store is not None:
            self._sync_store()
            self._synced_id = first_id
            with self._lock:
                done = [number for number, end_id in self._records if end_id <= first_id]
                del self._records[: len(done)]
            for number in done:  # Not under the lock: the recorder takes it while it holds its own.
                self.release(JOURNAL, number)

    # The writer's thread

    def _connect(self) -> JournalStore:
        store = self._store
        if store is None:
            store = self._open_store()
            if self._sync_store is None:
                self._first_id = self._unlogged_id = store.next_id()
                self._base_id = self._first_id - 1 - self._rows_out
            self._store, self._sync_store = store, store.sync
        return store

    def start_numbering(self) -> None:
        """Numbers what comes from now on behind what is stored; before the first entry, after the last `replay`."""
        self._first_id, self.is_cut_off, self.newest_ms = self._connect().begin()
        self._unlogged_id, self._base_id = self._first_id, self._first_id - 1

    def load_taken(self) -> Sequences:
        """Returns the numbers of boards' messages that are stored; before the first entry, after the last `replay`."""
        return self._connect().taken()

    def _leave(self) -> None:
        if self._store is not None:
            self._store.leave()
        self._store = None

    def _disconnect(self) -> None:
        if self._store is not None:
            self._store.close()

    def _write(self) -> int:
        """Writes all there is and returns how many entries are written; keeps those that the disk does not take."""
        store = self._connect()
        waiting = len(self._pending)
        try:
            while waiting > 0:
                waiting -= self._commit(store)
        finally:
            # Not before: entries that come while this batch is committed would wake the writer for a small one.
            self._is_flushing = False
        now_s = time.monotonic()
        is_flood, self._written_s = now_s - self._written_s < limits.FLOOD_INTERVAL_S, now_s
        if self._has_record_log:
            self._flush_rows = min(limits.FLOOD_ROWS if is_flood else limits.FLUSH_ROWS, self._pending_rows_max)
            if not is_flood:
                self.sync_database()
        return self._rows_out

    def _commit(self, store: JournalStore) -> int:
        """Writes some of the oldest groups, removes them once they are committed, and returns how many."""
        # As many as make a batch of about the wanted size; the entries of a group stay together.
        count = max(1, ROWS_PER_BATCH * len(self._pending) // max(1, self.pending_rows))
        written: list[EntryGroup] = []
        batches: list[list[EntryGroup]] = []
        for _ in range(limits.BATCHES_PER_COMMIT):
            start = len(written)
            chars = self._pending_chars[start : start + count]
            groups = self._pending[start : start + groups_within(chars, limits.CHARS_PER_BATCH)]
            if not groups:
                break
            batches.append(groups)
            written += groups
        taken = self.taken.between(self._groups_out, self._groups_out + len(written))
        rows = store.write(self._first_id, batches, taken)
        with self._lock:
            self._rows_out += rows
            self._first_id += rows
            self._groups_out += len(written)
            self.taken.drop_before(self._groups_out)
            self._chars_out += sum(self._pending_chars[: len(written)])
            del self._pending_chars[: len(written)]
            del self._pending[: len(written)]
            self._report(written, self._groups_out)
        return len(written)

    def _report(self, groups: list[EntryGroup], end: int) -> None:
        """Reports those of these groups, of which the last is number `end`, that were not reported yet; locked."""
        fresh = end - self._reported_groups
        if fresh > 0:
            self._reported_groups = end
            self.on_written(groups[len(groups) - min(fresh, len(groups)) :])
