"""The recorder: what was accepted survives a kill, is stored once, and those who wait for that are answers."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from darvaz.gateway.journal.writer import Journal
from darvaz.gateway.storage import recorder as recorder_module
from darvaz.gateway.storage.record_log import FILE_BYTES, RecordLog
from darvaz.gateway.storage.recorder import Recorder
from darvaz.gateway.telemetry import history as history_module
from darvaz.gateway.telemetry.history import RECENT_VALUES_MAX, History
from darvaz.gateway.telemetry.history_queries import plot
from darvaz.gateway.telemetry.history_schema import open_history
from tests.support.databases import open_history_store, open_journal

NOON_S = 20_000 * 86_400.0


class Started:
    """A history and its recorder, without threads; `kill` leaves the folder as a killed process does."""

    def __init__(self, folder: Path, file_bytes: int = FILE_BYTES) -> None:
        self.folder = folder
        self.history = History(partial(open_history_store, folder))
        self.recorder = Recorder(folder, [self.history])
        self.recorder._log = RecordLog(folder, file_bytes=file_bytes)
        self.history.release = self.recorder.release
        self.missing = self.recorder.open()
        self.history.write_replayed()
        self.recorder.begin_behind(self.history.stored_record)

    def sync(self) -> None:
        assert self.recorder.writer.write_once(), self.recorder.writer.state

    def flush(self) -> None:
        self.history.flush_now()
        assert self.history.writer.write_once(), self.history.state

    def kill(self) -> None:
        self.recorder._log.close()
        self.history._disconnect()

    def values(self) -> list[float]:
        with closing(open_history(self.folder)) as connection:
            found = plot(connection, "pico", "t", NOON_S, NOON_S + 600, 2000, self.history.waiting("pico", "t"))
        return [point.mean for point in found.points]


def test_readings_that_were_synced_survive_a_kill_and_are_stored_once(tmp_path: Path) -> None:
    for start in range(6):
        gateway = Started(tmp_path)
        assert gateway.values() == [float(number) for number in range(start * 10)]
        for number in range(start * 10, start * 10 + 10):
            gateway.history.record("pico", NOON_S + number, {"t": float(number)})
        gateway.sync()
        if start % 2:
            gateway.flush()
        gateway.kill()


def test_readings_survive_a_kill_after_the_record_log_was_removed(tmp_path: Path) -> None:
    gateway = Started(tmp_path)
    for number in range(5):
        gateway.history.record("pico", NOON_S + number, {"t": float(number)})
        gateway.sync()
        gateway.flush()
    gateway.kill()
    for file in tmp_path.glob("records-*.log"):
        file.unlink()

    for number in range(5, 8):
        again = Started(tmp_path)
        again.history.record("pico", NOON_S + number, {"t": float(number)})
        again.sync()
        again.kill()

    last = Started(tmp_path)
    assert (last.values(), last.missing) == ([float(number) for number in range(8)], 0)
    last.kill()


def test_a_device_that_was_forgotten_stays_forgotten_after_a_kill(tmp_path: Path) -> None:
    gateway = Started(tmp_path)
    gateway.history.record("pico", NOON_S, {"t": 1.0})
    gateway.sync()
    gateway.flush()
    gateway.history.forget("pico")
    gateway.sync()
    gateway.kill()

    again = Started(tmp_path)

    assert again.values() == []
    with closing(sqlite3.connect(tmp_path / "history.sqlite3")) as connection:
        assert connection.execute("SELECT count(*) FROM readings").fetchone() == (0,)
    again.kill()


def test_the_record_log_is_used_again_once_its_readings_are_stored(tmp_path: Path) -> None:
    file_bytes = FILE_BYTES // 8
    gateway = Started(tmp_path, file_bytes)
    for round_ in range(16):
        for number in range(100):
            values = {f"t{name}": (number + name) / 7 for name in range(60)}
            gateway.history.record("pico", NOON_S + 1_000 * round_ + number, values)
        gateway.sync()
        gateway.flush()
    gateway.kill()

    assert sum(path.stat().st_size for path in tmp_path.glob("records-*.log")) <= 2 * file_bytes


def test_many_readings_are_stored_without_waiting_for_the_hour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values_max = RECENT_VALUES_MAX // 10
    monkeypatch.setattr(history_module, "RECENT_VALUES_MAX", values_max)
    gateway = Started(tmp_path)
    gateway.flush()
    for number in range(values_max // 50):
        gateway.history.record(f"pico-{number % 100}", NOON_S + number, {f"t{name}": 1.0 for name in range(50)})

    gateway.sync()
    assert gateway.history.writer.write_once()

    with closing(open_history(tmp_path)) as connection:
        assert connection.execute("SELECT sum(count) FROM readings").fetchone() == (values_max,)
    gateway.kill()


async def test_those_who_wait_are_told_when_all_that_was_accepted_is_durable(tmp_path: Path) -> None:
    gateway = Started(tmp_path)
    gateway.recorder.start()
    answers: asyncio.Queue[bool] = asyncio.Queue()
    for number in range(3):
        gateway.history.record("pico", NOON_S + number, {"t": float(number)})
        gateway.recorder.when_durable(answers.put_nowait)
    gateway.recorder.urge()

    async with asyncio.timeout(10):
        assert [await answers.get() for _ in range(3)] == [True] * 3

    left = shutil.copytree(tmp_path, tmp_path / "as a kill leaves it")
    assert gateway.recorder.close() and gateway.history.close()
    again = Started(left)
    assert again.values() == [0.0, 1.0, 2.0]
    again.kill()


def test_signs_of_life_alone_wait_for_news_or_a_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(partial(open_journal, tmp_path), has_record_log=True)
    recorder = Recorder(tmp_path, [journal])
    recorder.open()
    journal.start_numbering()

    def synced(*types: str) -> bool:
        for type_ in types:
            journal.record("pico", "pico", "", "<", type_, "{}", is_urgent=False)
        assert recorder.writer.write_once()
        return recorder.waiting(journal) == 0

    assert synced("ping")
    assert [synced("ping", "pong"), synced("ping"), synced("telemetry"), synced("ping")] == [False, False, True, False]
    monkeypatch.setattr(recorder, "_signs_due_s", 0.0)
    assert synced()
    assert not synced("ping")
    recorder.writer.start()
    assert recorder.close() and journal.close()
    assert recorder.waiting(journal) == 0


def test_one_more_than_may_wait_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "WAITERS_MAX", 2)
    gateway = Started(tmp_path)
    answers: list[bool] = []
    for _ in range(3):
        gateway.recorder.when_durable(answers.append)

    assert answers == [False]
    gateway.kill()


def test_nothing_is_lost_while_the_disk_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = Started(tmp_path)
    gateway.history.record("pico", NOON_S, {"t": 1.0})
    with monkeypatch.context() as broken:
        broken.setattr(gateway.recorder._log, "append", _raise_full)
        assert not gateway.recorder.writer.write_once()
        assert "degraded" in gateway.recorder.writer.state
    gateway.history.record("pico", NOON_S + 1, {"t": 2.0})
    gateway.sync()
    gateway.kill()

    assert Started(tmp_path).values() == [1.0, 2.0]


def _raise_full(kind: int, data: bytes) -> int:
    raise OSError(28, "No space left on device")


def test_who_waits_hears_it_without_the_time_to_gather(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "URGENT_S", 3600.0)

    async def main() -> None:
        gateway = Started(tmp_path)
        gateway.recorder.start()
        gateway.history.record("pico", NOON_S, {"t": 1.0})

        assert await gateway.recorder.wait_until_durable(10.0)
        assert gateway.recorder.close()

    asyncio.run(main())
    assert Started(tmp_path).values() == [1.0]


def test_who_waits_for_a_recorder_that_is_not_started_hears_no(tmp_path: Path) -> None:
    assert not asyncio.run(Started(tmp_path).recorder.wait_until_durable(10.0))


def test_what_follows_a_sync_is_not_told_before_the_disk_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway, calls = Started(tmp_path), list[str]()
    sync = gateway.recorder._log.sync

    def refuse() -> None:
        raise OSError("no space left on device")

    def note_sync() -> None:
        sync()
        calls.append("synced")

    gateway.recorder.on_synced = lambda: calls.append("told")
    gateway.history.record("pico", NOON_S, {"t": 1.0})
    monkeypatch.setattr(gateway.recorder._log, "sync", refuse)
    is_written = gateway.recorder.writer.write_once()
    before = list(calls)
    monkeypatch.setattr(gateway.recorder._log, "sync", note_sync)
    gateway.sync()

    assert (is_written, before, calls) == (False, [], ["synced", "told"])
