"""The recorder: makes what the journal and the history accept durable, in one small write for both.

Each source keeps what it accepts in memory until it goes into its database, in large batches and minutes later. Until
then the record log has it: the recorder asks every source to append what waits, syncs once, and tells those who wait
for that. What is urgent, as everything that happens once, is synced within URGENT_S; readings within the interval, and
signs of life with them or within SIGNS_INTERVAL_S, since each sync wears a memory card.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from darvaz.gateway.storage.background_writer import BackgroundWriter
from darvaz.gateway.storage.record_log import Record, RecordLog

# The kinds of records; each belongs to one source.
JOURNAL, READINGS = 1, 2
URGENT_S = 0.25
INTERVAL_S = 10.0
# Signs of life alone tell nothing new: they wait for some intervals, but for no more than a minute.
_SIGNS_INTERVALS, SIGNS_INTERVAL_S = 6, 60.0
# Between two syncs that others wait for; event loops count milliseconds.
_REST_MIN_S, _REST_MAX_S = 0.001, 0.01
# Who waits for a sync beyond this is answered at once, with False.
WAITERS_MAX = 100_000


class Source(Protocol):
    """What accepts entries, and keeps them until its database has them."""

    kind: int

    @property
    def position(self) -> int:
        """How many entries were accepted since the start."""

    @property
    def has_news(self) -> bool:
        """Whether more waits for the record log than signs of life."""

    def replay(self, record: Record) -> None:
        """Takes a record that the database may not have, at the start of the gateway."""

    def append_waiting(self, append: Callable[[bytes], int]) -> None:
        """Appends everything that the record log does not have yet; `append` returns the number of the record."""

    def sync_database(self) -> None:
        """Makes durable what went into the database without being in the record log; raises OSError."""


class Recorder:
    """Owns the record log of a data folder. `urge` and `when_durable` are for the event loop."""

    def __init__(self, folder: Path, sources: Sequence[Source], *, interval_s: float = INTERVAL_S) -> None:
        self._log = RecordLog(folder)
        self._sources = sources
        # The record log is used by the recorder's thread, and released by those of the sources.
        self._lock = threading.Lock()
        # Who waits for the next sync: added by the event loop, taken by the thread.
        self._waiters: list[Callable[[bool], None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        # Runs while something urgent waits. The event loop's.
        self._urged: asyncio.TimerHandle | None = None
        self._is_hurried = False
        # Monotonic seconds of the begin and the end of the last sync. Set by the thread.
        self._last_sync_s = (0.0, 0.0)
        self._signs_interval_s = min(_SIGNS_INTERVALS * interval_s, max(interval_s, SIGNS_INTERVAL_S))
        # The requests that were answered by the last sync, and when signs of life alone are synced. The thread's.
        self._answered_requests, self._signs_due_s = 0, 0.0
        # By kind: up to which position a source survives a power cut. The thread's.
        self._durable = {source.kind: 0 for source in sources}
        self.on_synced: Callable[[], None] = _nothing
        """Is called by the thread once what the sources appended survives a power cut."""
        # Counts the requests to sync, for the writer's idea of a position.
        self._requests = 0
        self.writer = BackgroundWriter(
            "record log",
            write=self._write,
            position=lambda: self._requests,
            close=self._log.close,
            interval_s=interval_s,
        )

    def open(self) -> int:
        """Gives each source the records that it did not store, and returns how many records the disk has lost.

        Call it before the event loop runs: it reads the disk. Raises OSError.
        """
        by_kind = {source.kind: source for source in self._sources}
        for record in self._log.open():
            source = by_kind.get(record.kind)
            if source is not None:
                source.replay(record)
        # If the disk refuses, the first write is refused too, and the writer says so.
        with contextlib.suppress(OSError):
            self._log.prepare()
        return self._log.missing

    def begin_behind(self, number: int) -> None:
        """Numbers records behind the newest one of a database, also if the record log is older than that.

        So it is after it was removed, or restored without it. Call it after `open`, once all that was read is durable
        elsewhere. Raises OSError.
        """
        if self._log.next_number <= number:
            self._log.begin_again(number + 1)
            with contextlib.suppress(OSError):
                self._log.prepare()

    def start(self) -> None:
        """Starts the thread; `when_durable` answers in the running event loop."""
        self._loop = asyncio.get_running_loop()
        self.writer.start()

    def urge(self) -> None:
        """Has everything that was accepted synced within URGENT_S."""
        if self._loop is None:
            self._requests += 1
            self.writer.wake()
        elif self._urged is None:
            self._requests += 1
            # Not the thread, which would be woken twice for what is hurried.
            self._urged = self._loop.call_later(URGENT_S, self._wake_urged)

    def _wake_urged(self) -> None:
        self._urged = None
        self.writer.wake()

    def when_durable(self, answer: Callable[[bool], None]) -> None:
        """Calls back in the event loop once everything accepted so far survives a power cut; False if that fails."""
        if len(self._waiters) >= WAITERS_MAX:
            answer(False)
            return
        self._waiters.append(answer)

    async def wait_until_durable(self, deadline_s: float) -> bool:
        """Has everything accepted so far synced at once; False if that takes longer, or before `start`."""
        if self._loop is None:
            return False
        result: asyncio.Future[bool] = self._loop.create_future()

        def answer(is_durable: bool) -> None:
            if not result.done():
                result.set_result(is_durable)

        self.when_durable(answer)
        if not self._is_hurried:
            self._is_hurried = True
            self._hurry_soon(self._loop)
        deadline = self._loop.call_later(deadline_s, answer, False)
        try:
            return await result
        finally:
            deadline.cancel()

    def _hurry_soon(self, loop: asyncio.AbstractEventLoop) -> None:
        """Has the thread sync, once for all that comes in this step of the event loop.

        Where others wait all the time, it rests as long as a sync takes: each is for more of them then.
        """
        began_s, ended_s = self._last_sync_s
        rest_s = 2 * ended_s - began_s - time.monotonic()
        if rest_s > 0:
            loop.call_later(min(max(rest_s, _REST_MIN_S), _REST_MAX_S), self._hurry)
        else:
            loop.call_soon(self._hurry)

    def _hurry(self) -> None:
        self._requests += 1
        self.writer.wake()

    def release(self, kind: int, number: int) -> None:
        """Notes that a source has its records up to a number in its database; from any thread."""
        with self._lock:
            self._log.release(kind, number)

    def waiting(self, source: Source) -> int:
        """Returns how many entries of a source were accepted and would not survive a power cut."""
        return source.position - self._durable[source.kind]

    def close(self, timeout_s: float = 3.0) -> bool:
        """Syncs what waits and ends the thread; returns whether all of it was synced in time."""
        return self.writer.close(timeout_s)

    # The thread

    def _write(self) -> int:
        began_s = time.monotonic()
        self._is_hurried = False
        requests, waiting = self._requests, len(self._waiters)
        if not waiting and requests == self._answered_requests and self._may_rest(began_s):
            return requests
        positions = {source.kind: source.position for source in self._sources}
        with self._lock:
            for source in self._sources:
                source.append_waiting(lambda data, kind=source.kind: self._log.append(kind, data))  # type: ignore[misc]
            self._log.sync()
        for source in self._sources:
            source.sync_database()
        self._durable, self._answered_requests = positions, requests
        self._signs_due_s = began_s + self._signs_interval_s
        self._last_sync_s = (began_s, time.monotonic())
        answers = self._waiters[:waiting]
        del self._waiters[:waiting]
        if answers:
            self._tell(answers)
        self.on_synced()
        return requests

    def _may_rest(self, now_s: float) -> bool:
        """Whether all that waits may wait on."""
        is_due = now_s >= self._signs_due_s or self.writer.is_closing
        return not is_due and not any(source.has_news for source in self._sources)

    def _tell(self, answers: list[Callable[[bool], None]]) -> None:
        def tell() -> None:
            for answer in answers:
                answer(True)

        # A loop that was closed meanwhile has nobody left who waits.
        with contextlib.suppress(RuntimeError):
            if self._loop is not None:
                self._loop.call_soon_threadsafe(tell)


def _nothing() -> None:
    """Stands where nobody listens."""
