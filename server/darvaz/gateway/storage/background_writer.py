"""One thread that writes behind the event loop: it tries again what failed, says so, and ends within a deadline.

The owner keeps the entries that wait and gives five functions that run in the thread. A position is a count of
entries: those that were ever accepted, or those that are written.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Callable

from darvaz.gateway.storage.damage import NOTES_MAX
from darvaz.gateway.storage.database import StorageError
from darvaz.gateway.storage.remedies import remedy_of
from darvaz.gateway.storage.shared_database import SharedDatabase
from darvaz.gateway.storage.waiter import Waiter

log = logging.getLogger("darvaz.storage")

OK = "ok"
RETRY_MIN_S = 0.1
RETRY_MAX_S = 10.0
CLOSE_TIMEOUT_S = 3.0
# A write that takes longer is a disk that hangs, or a lock that another process holds.
SILENT_S_MAX = 4.0

# What a disk or its database does; anything else is a mistake of ours, and is logged with its traceback.
_DISK_ERRORS = (sqlite3.Error, StorageError, OSError)


def _nothing() -> None:
    """Stands for a function that the owner does not need."""


def _nothing_lost() -> int:
    """Stands where nothing can be lost."""
    return 0


def _no_gap(count: int) -> None:
    """Stands where nothing can be lost."""


def _cannot_mend(error: Exception) -> str | None:
    """Stands where nothing can be replaced."""
    return None


class BackgroundWriter:
    """Calls `write` in a thread of its own, once per interval or when woken, until it is closed.

    `open` is called before the first `write`, and again until it succeeds. `write` writes all that waits and returns
    the position up to which everything is written; what it could not write stays with the owner and is tried again.
    `sync` is called after each `write`: what it makes durable counts as written only then. `write_gap` is called with
    the number of entries that were lost since the last gap, after the entries that were not. `tidy` is called after
    each success but the last; what it raises is logged and no more. `mend` is given an error of the disk, and returns
    what it has replaced, for people, if that error is mended. With a `database`, that is done for all of its writers;
    `leave` lets go of the connection to a file that was replaced.
    """

    def __init__(
        self,
        name: str,
        *,
        open: Callable[[], object] = _nothing,
        write: Callable[[], int],
        position: Callable[[], int],
        sync: Callable[[], None] = _nothing,
        lost: Callable[[], int] = _nothing_lost,
        write_gap: Callable[[int], None] = _no_gap,
        tidy: Callable[[], None] = _nothing,
        close: Callable[[], None] = _nothing,
        mend: Callable[[Exception], str | None] = _cannot_mend,
        database: SharedDatabase | None = None,
        leave: Callable[[], None] = _nothing,
        interval_s: float | None = None,
        gather_s: float = 0.0,
    ) -> None:
        self.name = name
        # "ok", or a sentence for people that begins with "degraded". Set by the thread.
        self._state = OK
        # Monotonic seconds at which the write began that runs now; None between two. Set by the thread.
        self._began_s: float | None = None
        # Everything up to this position is written and synced. Set by the thread.
        self.written = 0
        self._open = open
        self._write = write
        # Called from any thread: how many entries were accepted, and how many were lost, since the start.
        self._position = position
        self.lost = lost
        self._sync = sync
        self._write_gap = write_gap
        self._tidy = tidy
        self._close = close
        self._mend = mend if database is None else database.mend
        self._database = database
        self._generation = 0 if database is None else database.generation
        self._leave = leave
        # What was damaged and replaced since the start, a sentence each. Set by the thread.
        self.notes: list[str] = []
        # Seconds between two writes; None writes only when woken.
        self._interval_s = interval_s
        # Seconds from being woken until writing, so that what comes together is one transaction.
        self._gather_s = gather_s
        self.retry_at_end_s = 0.0
        """For how long, once it was asked to end, it tries again what the disk refuses. Set before `stop`."""
        # Monotonic seconds until which it does. Set by `stop`.
        self._until_s = 0.0
        self._is_open = False
        # How many of the lost entries are in a gap.
        self._lost_in_gaps = 0
        self._wake = threading.Event()
        self._closing = threading.Event()
        # Ends the time to gather.
        self._hurried = threading.Event()
        self._thread: threading.Thread | None = None
        # Who waits for a position: added by event loops, removed by them and by the thread.
        self._waiters: list[Waiter] = []
        self._lock = threading.Lock()

    # From the event loop

    @property
    def state(self) -> str:
        """ "ok", or a sentence that says what is wrong: also of a disk that does not return from a write."""
        began_s = self._began_s
        silent_s = 0.0 if began_s is None else time.monotonic() - began_s
        if self._state == OK and silent_s > SILENT_S_MAX:
            return f"degraded: the disk has not answered for {silent_s:.0f} s, and the {self.name} waits for it"
        return self._state

    def start(self) -> None:
        """Starts the thread, once."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """Has what waits written at once, or after the time to gather more."""
        # To set what is set takes a lock each time, and thousands of boards may come within one write. The thread
        # clears it before it looks at what waits.
        if not self._wake.is_set():
            self._wake.set()

    def hurry(self) -> None:
        """Has what waits written at once, also if there is a time to gather more."""
        self._hurried.set()
        self._wake.set()

    @property
    def waiting(self) -> int:
        """How many entries are accepted and not yet written."""
        return self._position() - self.written

    async def wait_until_written(self, position: int, deadline_s: float) -> bool:
        """Returns once everything up to a position is written; False after the deadline, or if the disk fails."""
        waiter = Waiter(position)
        with self._lock:
            self._waiters.append(waiter)
        try:
            # Looked at only now: the thread tells those it can see.
            if self.written >= position:
                return True
            if self.state != OK:
                return False
            self.wake()
            async with asyncio.timeout(deadline_s):
                return await waiter.result
        except TimeoutError:
            return False
        finally:
            with self._lock:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)

    @property
    def is_closing(self) -> bool:
        """Whether it was asked to end."""
        return self._closing.is_set()

    @property
    def is_running(self) -> bool:
        """Whether its thread has not ended."""
        return self._thread is not None and self._thread.is_alive()

    def stop(self) -> None:
        """Asks the thread to write what waits and end; `close` waits for that."""
        if not self._closing.is_set():
            self._until_s = time.monotonic() + self.retry_at_end_s
        self._closing.set()
        self.hurry()

    def close(self, timeout_s: float = CLOSE_TIMEOUT_S) -> bool:
        """Writes what waits and ends the thread; returns whether all of it was written in time, and logs if not."""
        self.stop()
        if self._thread is None and self.waiting:
            self.start()
        if self._thread is not None:
            self._thread.join(timeout_s)
        if self.waiting:
            log.error("= the %s was closed with %d entries not written: %s", self.name, self.waiting, self.state)
        return not self.waiting

    # The thread

    def _run(self) -> None:
        retry_s = RETRY_MIN_S
        is_last = False
        try:
            while not is_last:
                is_last = self._closing.is_set()
                self._began_s = time.monotonic()
                is_written = self.write_once()
                self._began_s = None
                if is_written:
                    retry_s = RETRY_MIN_S
                    if not is_last:
                        self._try_to_tidy()
                        self._wait()
                elif not is_last:
                    # Not woken by new entries: a disk that fails is not tried once for each.
                    self._closing.wait(retry_s)
                    retry_s = min(2 * retry_s, RETRY_MAX_S)
                elif time.monotonic() < self._until_s:
                    is_last = False
                    time.sleep(RETRY_MIN_S)
        finally:
            self._close()

    def _wait(self) -> None:
        """Waits until there is something to write, or the end."""
        # `stop` may have woken it before the last write began, which forgot that.
        if self._closing.is_set():
            return
        if self._wake.wait(self._interval_s) and self._gather_s:
            self._hurried.wait(self._gather_s)

    def write_once(self) -> bool:
        """Writes all that waits, and says whether that went well; for the thread, and for one that has none."""
        if self._database is None:
            return self._write_once()
        with self._database.lock:
            try:
                return self._write_once()
            finally:
                self._database.note_written()

    def _write_once(self) -> bool:
        if self._database is not None and self._database.generation != self._generation:
            self._generation = self._database.generation
            self._leave()
            self._is_open = False
        self._wake.clear()
        self._hurried.clear()
        task = "opened"
        try:
            if self._database is not None:
                self._database.look()
            if not self._is_open:
                self._open()
                self._is_open = True
            task = "written"
            lost, position = self.lost() - self._lost_in_gaps, self._write()
            if lost:
                self._write_gap(lost)
                self._lost_in_gaps += lost
            self._sync()
        except _DISK_ERRORS as error:
            if self.try_to_mend(error):
                return self._write_once()
            self._fail(task, str(error), remedy_of(error))
            return False
        except Exception as error:
            # The thread must not end for a mistake in one of its functions.
            if self._state == OK:
                log.exception("= the %s meets a mistake of the gateway", self.name)
            self._fail(task, f"{type(error).__name__}: {error}", "the log has more")
            return False
        self._succeed(position)
        return True

    def try_to_mend(self, error: Exception) -> bool:
        """Has the owner replace what is damaged, a few times at most; says whether it did."""
        if len(self.notes) >= NOTES_MAX:
            return False
        try:
            note = self._mend(error)
        except _DISK_ERRORS as reason:
            log.error("= the %s cannot be replaced: %s", self.name, reason)
            return False
        if note is None:
            return False
        self._is_open = False
        self.notes.append(note)
        log.error("= %s", note)
        return True

    def _succeed(self, position: int) -> None:
        self.written = position
        if self._state != OK:
            log.info("= the %s is written again", self.name)
            self._state = OK
        self._tell_waiters()

    def _try_to_tidy(self) -> None:
        try:
            if self._database is None:
                self._tidy()
            else:
                with self._database.lock:
                    self._tidy()
                    self._database.note_written()
        except _DISK_ERRORS as error:
            log.warning("= old entries of the %s could not be removed: %s", self.name, error)
        except Exception:
            log.exception("= old entries of the %s could not be removed", self.name)

    def _fail(self, task: str, reason: str, remedy: str) -> None:
        """Says what is wrong: in the log at the first failure in a row, in the state until a write succeeds."""
        state = f"degraded: the {self.name} cannot be {task} ({reason}); {remedy}"
        if self._state == OK:
            log.error("= %s", state)
        self._state = state
        self._tell_waiters()

    def _tell_waiters(self) -> None:
        """Answers those whose position is written, and all of them if the disk fails."""
        if not self._waiters:
            return
        with self._lock:
            for waiter in self._waiters:
                if self.written >= waiter.position:
                    waiter.answer(is_written=True)
                elif self._state != OK:
                    waiter.answer(is_written=False)
