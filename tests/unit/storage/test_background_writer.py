"""The background writer: nobody waits for it, it tries again what failed, tells what is lost, and never ends early."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from darvaz.gateway.storage import background_writer
from darvaz.gateway.storage.background_writer import BackgroundWriter
from darvaz.gateway.storage.database import StorageError

DEADLINE_S = 10.0


class Notes:
    """Notes that wait for a writer, at most ten, and the disk that takes them."""

    def __init__(self) -> None:
        self.waiting: list[str] = []
        self.accepted = self.lost = 0
        # What the disk has, in order, and which thread wrote it.
        self.disk: list[str] = []
        self.threads: set[str] = set()
        # Raised once each, the last first.
        self.open_errors: list[Exception] = []
        self.write_errors: list[Exception] = []
        self.sync_errors: list[Exception] = []
        self.tidy_errors: list[Exception] = []
        # How often each function ran.
        self.opens = self.writes = self.syncs = self.tidies = self.closes = 0
        # Cleared, the disk takes nothing.
        self.is_running = threading.Event()
        self.is_running.set()
        self.writer = BackgroundWriter(
            "list of notes",
            open=self.open,
            write=self.write,
            position=lambda: self.accepted,
            sync=self.sync,
            lost=lambda: self.lost,
            write_gap=lambda count: self.disk.append(f"{count} lost"),
            tidy=self.tidy,
            close=self.close,
        )

    def note(self, text: str) -> None:
        if len(self.waiting) >= 10:
            self.lost += 1
            return
        self.waiting.append(text)
        self.accepted += 1
        self.writer.wake()

    def open(self) -> None:
        self.opens += 1
        if self.open_errors:
            raise self.open_errors.pop()

    def write(self) -> int:
        self.writes += 1
        self.is_running.wait(10)
        if self.write_errors:
            raise self.write_errors.pop()
        self.threads.add(threading.current_thread().name)
        while self.waiting:
            self.disk.append(self.waiting.pop(0))
        return sum(1 for text in self.disk if not text.endswith("lost"))

    def sync(self) -> None:
        self.syncs += 1
        if self.sync_errors:
            raise self.sync_errors.pop()

    def tidy(self) -> None:
        self.tidies += 1
        if self.tidy_errors:
            raise self.tidy_errors.pop()

    def close(self) -> None:
        self.closes += 1


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Notes]:
    monkeypatch.setattr(background_writer, "RETRY_MIN_S", 0.02)
    notes = Notes()
    yield notes
    notes.is_running.set()
    notes.writer.close(10)


def wait_until(condition: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline_s, "it did not happen"
        time.sleep(0.005)


def test_what_was_noted_is_written_in_order_by_a_thread_of_its_own(notes: Notes) -> None:
    notes.writer.start()
    for number in range(5):
        notes.note(str(number))

    assert notes.writer.close(10)
    assert notes.disk == ["0", "1", "2", "3", "4"]
    assert notes.threads == {"list of notes"}
    assert (notes.opens, notes.closes) == (1, 1)


def test_what_was_noted_before_the_start_is_written_at_the_start(notes: Notes) -> None:
    notes.note("early")
    notes.writer.start()

    wait_until(lambda: notes.disk == ["early"])
    assert notes.writer.waiting == 0


def test_a_writer_that_was_never_started_writes_when_it_is_closed(notes: Notes) -> None:
    notes.note("only one")

    assert notes.writer.close(10)
    assert notes.disk == ["only one"]


def test_a_second_start_makes_no_second_thread(notes: Notes) -> None:
    notes.writer.start()
    notes.writer.start()
    notes.note("one")

    assert notes.writer.close(10)
    assert notes.opens == 1


@pytest.mark.parametrize(
    "error",
    [sqlite3.OperationalError("locked"), StorageError("the disk is full"), OSError(28, "No space")],
)
def test_a_failure_to_open_once_is_told_and_tried_again(
    notes: Notes, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    notes.open_errors = [error, error]
    notes.is_running.clear()
    notes.note("kept")
    notes.writer.start()
    wait_until(lambda: notes.writer.state != "ok")

    assert notes.writer.state.startswith(f"degraded: the list of notes cannot be opened ({error})")
    notes.is_running.set()
    wait_until(lambda: notes.disk == ["kept"])
    wait_until(lambda: notes.writer.state == "ok")
    assert notes.opens == 3
    assert caplog.text.count("cannot be opened") == 1


def test_a_failure_to_write_keeps_what_waits_and_is_told_until_it_is_over(
    notes: Notes, caplog: pytest.LogCaptureFixture
) -> None:
    notes.write_errors = [sqlite3.OperationalError("database or disk is full")] * 3
    notes.writer.start()
    notes.note("kept")
    wait_until(lambda: notes.writer.state != "ok")

    assert notes.writer.state.endswith("(database or disk is full); free the disk of the data folder")
    wait_until(lambda: notes.disk == ["kept"])
    wait_until(lambda: notes.writer.state == "ok")
    assert notes.opens == 1
    assert caplog.text.count("cannot be written") == 1


def test_a_mistake_of_ours_is_logged_with_its_traceback_and_does_not_end_the_thread(
    notes: Notes, caplog: pytest.LogCaptureFixture
) -> None:
    notes.write_errors = [ZeroDivisionError("division by zero")]
    notes.is_running.clear()
    notes.note("kept")
    notes.writer.start()
    notes.is_running.set()

    wait_until(lambda: notes.disk == ["kept"])
    assert "cannot be written (ZeroDivisionError: division by zero)" in caplog.text
    assert "Traceback" in caplog.text
    notes.note("next")
    assert notes.writer.close(10)
    assert notes.disk == ["kept", "next"]


def test_one_note_beyond_the_maximum_is_told_after_those_before_it(notes: Notes) -> None:
    for number in range(11):
        notes.note(str(number))
    notes.writer.start()
    wait_until(lambda: len(notes.disk) == 11)
    notes.note("after")
    assert notes.writer.close(10)

    assert notes.disk == [*map(str, range(10)), "1 lost", "after"]


def test_a_gap_that_could_not_be_written_is_written_later(notes: Notes) -> None:
    notes.lost = 3
    notes.sync_errors = [OSError(5, "Input/output error")]
    notes.write_errors = [OSError(5, "Input/output error")]
    notes.writer.start()
    wait_until(lambda: notes.syncs == 2)

    assert notes.disk == ["3 lost"]


def test_a_stop_while_a_write_runs_is_not_forgotten(notes: Notes) -> None:
    stopped = threading.Event()

    def stop_early() -> int:
        # As the first thing of a write: the writer has not yet forgotten what woke it.
        if not stopped.is_set():
            stopped.set()
            notes.writer._closing.set()
            notes.writer._wake.clear()
        return notes.write()

    notes.writer._write = stop_early
    notes.writer.start()
    assert stopped.wait(DEADLINE_S)
    assert notes.writer._thread is not None
    notes.writer._thread.join(DEADLINE_S)

    assert not notes.writer.is_running


def test_a_failure_to_tidy_is_logged_and_changes_nothing_else(notes: Notes, caplog: pytest.LogCaptureFixture) -> None:
    notes.tidy_errors = [ValueError("of ours"), sqlite3.OperationalError("locked")]
    notes.writer.start()
    notes.note("one")
    wait_until(lambda: notes.tidies >= 1)
    notes.note("two")
    wait_until(lambda: notes.tidies >= 2)

    assert notes.writer.close(10)
    assert notes.disk == ["one", "two"]
    assert notes.writer.state == "ok"
    assert caplog.text.count("old entries of the list of notes could not be removed") == 2


# Positions


async def test_a_position_is_waited_for_until_it_is_written(notes: Notes) -> None:
    notes.writer.start()
    notes.note("first")

    assert await notes.writer.wait_until_written(notes.accepted, 10)
    assert notes.disk == ["first"]


async def test_what_is_not_synced_does_not_count_as_written(notes: Notes) -> None:
    notes.sync_errors = [OSError(5, "Input/output error")]
    notes.is_running.clear()
    notes.note("first")
    notes.writer.start()
    waiting = asyncio.create_task(notes.writer.wait_until_written(1, 10))
    await asyncio.sleep(0)
    notes.is_running.set()

    assert not await waiting
    wait_until(lambda: notes.writer.written == 1)
    assert notes.syncs == 2
    assert await notes.writer.wait_until_written(1, 0)


async def test_a_disk_that_is_slow_is_waited_for_until_the_deadline(notes: Notes) -> None:
    notes.is_running.clear()
    notes.writer.start()
    notes.note("late")

    assert not await notes.writer.wait_until_written(1, 0.02)
    notes.is_running.set()
    assert await notes.writer.wait_until_written(1, 10)


async def test_all_who_wait_are_answered_when_the_disk_fails(notes: Notes) -> None:
    notes.is_running.clear()
    notes.writer.start()
    notes.note("one")
    waiting = [asyncio.create_task(notes.writer.wait_until_written(position, 10)) for position in (1, 1, 2)]
    await asyncio.sleep(0)
    notes.write_errors = [sqlite3.OperationalError("locked")]
    notes.is_running.set()

    assert await asyncio.gather(*waiting) == [False, False, False]


async def test_a_wait_that_is_cancelled_is_forgotten(notes: Notes) -> None:
    notes.is_running.clear()
    notes.writer.start()
    waiting = asyncio.create_task(notes.writer.wait_until_written(1, 10))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    assert notes.writer._waiters == []


# Closing


def test_a_close_that_is_over_before_the_disk_says_what_was_not_written(
    notes: Notes, caplog: pytest.LogCaptureFixture
) -> None:
    notes.is_running.clear()
    notes.writer.start()
    notes.note("one")
    notes.note("two")

    assert not notes.writer.close(0.05)
    assert "the list of notes was closed with 2 entries not written" in caplog.text


def test_a_disk_that_fails_until_the_end_is_tried_once_more_and_then_left(notes: Notes) -> None:
    notes.write_errors = [sqlite3.OperationalError("locked")] * 1_000
    notes.writer.start()
    notes.note("lost")
    wait_until(lambda: notes.writer.state != "ok")

    assert not notes.writer.close(10)
    assert (notes.disk, notes.closes) == ([], 1)


def test_what_comes_after_the_end_is_not_written_and_not_an_error(notes: Notes) -> None:
    notes.writer.start()
    assert notes.writer.close(10)

    notes.note("late")
    assert not notes.writer.close(10)
    assert notes.disk == []


def test_a_write_that_does_not_return_is_said_while_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background_writer, "SILENT_S_MAX", 0.01)
    returning = threading.Event()
    writer = BackgroundWriter("ledger", write=lambda: int(returning.wait(10)), position=lambda: 1)
    writer.start()

    wait_until(lambda: "the disk has not answered for" in writer.state)
    returning.set()
    wait_until(lambda: writer.state == "ok")

    assert writer.close()
