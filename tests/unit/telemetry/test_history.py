"""The history: readings and their summaries are kept for some time, within limits, and read as a plot."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from darvaz.gateway.storage.database import StorageError
from darvaz.gateway.telemetry.history import PENDING_REPORTS_MAX, History
from darvaz.gateway.telemetry.history_queries import last_readings
from darvaz.gateway.telemetry.history_schema import DATABASE_NAME, open_history
from darvaz.gateway.telemetry.history_tables import (
    SERIES_PER_DEVICE_MAX,
    HistoryTables,
    Retention,
)
from darvaz.gateway.telemetry.recent import Reports, Value
from darvaz.gateway.telemetry.sqlite_store import SqliteHistoryStore
from tests.unit.telemetry.histories import DAY_S, NOON_S, Kept


def wait_until(condition: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline_s, "it did not happen"
        time.sleep(0.005)


def _fail_once(function: Callable[..., int]) -> Callable[..., int]:
    """Returns a function that raises a mistake of ours at its first call."""
    errors = [KeyError("a mistake")]

    def call(*args: Any) -> int:
        if errors:
            raise errors.pop()
        return function(*args)

    return call


# Writing


def test_readings_come_back_as_they_were(kept: Kept) -> None:
    kept.record("pico", NOON_S, temperature=21.5, humidity=40.0)
    kept.record("pico", NOON_S + 10, temperature=-3.25)
    kept.write()

    found = kept.plot("pico", "temperature", NOON_S, NOON_S + 60)

    assert (found.source, found.step_s) == ("readings", 0.0)
    assert [(point.time, point.mean, point.count) for point in found.points] == [
        (NOON_S, 21.5, 1),
        (NOON_S + 10, -3.25, 1),
    ]
    assert [point.mean for point in kept.plot("pico", "humidity", NOON_S, NOON_S + 60).points] == [40.0]


def test_of_numbered_reports_that_came_together_each_is_kept_once(kept: Kept) -> None:
    together = Reports("pico", "b1")
    for number in range(120):
        values: dict[str, Value] = {"t": float(number)}
        if number % 3:
            values |= {"mode": "odd", "u": 1}
        together.add(int(NOON_S + number) * 1000, values if number != 7 else {}, number)

    for _ in range(2):
        kept.history.record_all(together)
        kept.history.record_all(together.only(range(3, 20)))
    waiting = [kept.plot("pico", name, NOON_S, NOON_S + 120).points for name in "tu"]
    kept.write()

    assert [kept.plot("pico", name, NOON_S, NOON_S + 120).points for name in "tu"] == waiting
    assert [point.mean for point in waiting[0]] == [float(number) for number in range(120) if number != 7]
    assert len(waiting[1]) == 79
    assert kept.history.position == 120


def test_a_plot_ends_before_its_last_time(kept: Kept) -> None:
    kept.record("pico", NOON_S, t=1)
    kept.record("pico", NOON_S + 10, t=2)
    kept.write()

    assert len(kept.plot("pico", "t", NOON_S, NOON_S + 10).points) == 1
    assert len(kept.plot("pico", "t", NOON_S + 0.001, NOON_S + 10.001).points) == 1


@pytest.mark.parametrize(("device", "name"), [("nobody", "t"), ("pico", "nothing"), ("", ""), ("pico' OR 1 --", "t")])
def test_a_name_that_was_never_reported_has_an_empty_plot(kept: Kept, device: str, name: str) -> None:
    kept.record("pico", NOON_S, t=1)
    kept.write()

    assert kept.plot(device, name, 0, NOON_S * 2).points == []


def test_a_plot_that_ends_before_it_begins_is_empty(kept: Kept) -> None:
    kept.record("pico", NOON_S, t=1)
    kept.write()

    assert kept.plot("pico", "t", NOON_S + 10, NOON_S).points == []


def test_summaries_grow_over_batches(kept: Kept) -> None:
    for second in range(0, 3600, 10):
        kept.record("pico", NOON_S + second, t=float(second))
        if second % 70 == 0:
            kept.write()
    kept.write()

    assert (kept.count("readings"), kept.count("five_minutes"), kept.count("hours")) == (360, 12, 1)
    assert kept.connection.execute("SELECT count, sum, low, high FROM hours").fetchone() == (
        360,
        646_200.0,
        0.0,
        3590.0,
    )
    first = kept.connection.execute("SELECT time_s, count, low, high FROM five_minutes ORDER BY time_s").fetchone()
    assert first == (NOON_S, 30, 0.0, 290.0)


def test_the_writer_writes_everything_before_it_closes(tmp_path: Path) -> None:
    history = History(lambda: SqliteHistoryStore(open_history(tmp_path)))
    history.open()
    history.record("pico", time.time(), {"t": 1.0})

    assert history.close(10.0)
    with closing(open_history(tmp_path)) as connection:
        assert last_readings(connection, "pico")["t"][0] == 1.0


def test_reports_that_come_during_a_write_are_written_at_the_close(tmp_path: Path) -> None:
    is_writing, may_write = threading.Event(), threading.Event()

    class SlowStore(HistoryTables):
        def store(self, *args: Any) -> int:
            is_writing.set()
            assert may_write.wait(10)
            return super().store(*args)

    history = History(lambda: SqliteHistoryStore(open_history(tmp_path), SlowStore()))
    history.record("pico", NOON_S, {"temperature": 1.0})
    history.open()
    assert is_writing.wait(10)
    history.record("pico", NOON_S + 1, {"temperature": 2.0})

    threading.Timer(0.1, may_write.set).start()
    assert history.close(timeout_s=10)

    with closing(open_history(tmp_path)) as connection:
        assert connection.execute("SELECT sum(count) FROM readings").fetchone() == (2,)


def test_series_are_known_again_after_a_restart(make: Callable[..., Kept]) -> None:
    first = make()
    first.record("pico", NOON_S, t=1)
    first.write()
    second = make()
    second.record("pico", NOON_S + 10, t=2)
    second.write()

    assert second.count("series") == 1
    assert len(second.plot("pico", "t", NOON_S, NOON_S + 60).points) == 2


# Limits


def test_one_report_beyond_the_maximum_that_wait_is_dropped_and_counted(kept: Kept) -> None:
    kept.fill("pico", NOON_S, PENDING_REPORTS_MAX + 1)

    assert kept.history.writer.waiting == PENDING_REPORTS_MAX
    assert kept.history.dropped_reports == 1


def test_the_recorder_is_urged_long_before_reports_are_dropped(kept: Kept) -> None:
    waiting: list[int] = []
    kept.history.urge = lambda: waiting.append(kept.history.writer.waiting)
    kept.fill("pico", NOON_S, PENDING_REPORTS_MAX // 4)
    kept.history.record("pico", NOON_S, {"t": 1.0})
    kept.fill("pico", NOON_S, PENDING_REPORTS_MAX - PENDING_REPORTS_MAX // 4 - 1)

    assert waiting == [PENDING_REPORTS_MAX // 4 + 1]


def test_a_numbered_report_that_was_dropped_is_kept_when_it_comes_again(kept: Kept) -> None:
    kept.fill("pico", NOON_S, PENDING_REPORTS_MAX)
    kept.history.record("pico", NOON_S, {"late": 2.0}, "boot", 7)
    kept.write()
    for _ in range(2):
        kept.history.record("pico", NOON_S, {"late": 2.0}, "boot", 7)
    kept.write()

    assert kept.history.dropped_reports == 1
    assert [point.count for point in kept.plot("pico", "late", NOON_S, NOON_S + 60).points] == [1]


def test_reports_that_were_dropped_are_told_once_when_the_others_are_written(
    kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    kept.fill("pico", NOON_S, PENDING_REPORTS_MAX + 3)
    notes: list[str] = []
    kept.history.on_gap = notes.append
    kept.write()
    kept.write()

    assert caplog.text.count("3 reports are missing in the history") == 1
    assert [note.partition(" ")[0] for note in notes] == ["3"]


def test_reports_are_accepted_again_once_there_is_room(kept: Kept) -> None:
    kept.fill("pico", NOON_S, PENDING_REPORTS_MAX)
    kept.write()
    kept.record("pico", NOON_S + 1, t=2.0)
    kept.write()

    assert kept.history.dropped_reports == 0
    assert kept.count("readings") == PENDING_REPORTS_MAX + 1


def test_one_name_beyond_the_maximum_of_a_device_is_not_kept(kept: Kept) -> None:
    for number in range(SERIES_PER_DEVICE_MAX + 1):
        kept.record("chatty", NOON_S, **{f"t{number}": 1.0})
    kept.record("quiet", NOON_S, t=1.0)
    kept.write()

    assert kept.count("series") == SERIES_PER_DEVICE_MAX + 1
    assert kept.plot("chatty", f"t{SERIES_PER_DEVICE_MAX}", 0, NOON_S * 2).points == []
    assert kept.plot("quiet", "t", NOON_S, NOON_S + 1).points != []


def test_one_series_beyond_the_maximum_of_all_is_not_kept_and_counted(make: Callable[..., Kept]) -> None:
    kept = make(tables=HistoryTables(series_max=3))
    for number in range(4):
        kept.record(f"device{number}", NOON_S, t=1.0)
    kept.write()

    assert kept.count("series") == 3
    kept.retain()
    [remark] = kept.history.limits.remarks.values()
    assert remark.startswith("1 readings were not kept since the start")


def test_a_series_of_which_nothing_is_left_makes_room_for_another(make: Callable[..., Kept]) -> None:
    kept = make(Retention(1, 1, 1), HistoryTables(series_max=2))
    kept.record("old", NOON_S, t=1.0)
    for day in range(4):
        kept.record("daily", NOON_S + day * DAY_S, t=1.0)
    kept.write()
    kept.now_s = NOON_S + 4 * DAY_S
    kept.retain()
    kept.record("new", kept.now_s, t=1.0)
    kept.write()

    kept.retain()
    assert kept.history.limits.remarks == {}
    assert kept.plot("new", "t", kept.now_s, kept.now_s + 1).points != []


# Disks that fail


def test_a_history_that_cannot_be_opened_at_first_is_opened_later_and_loses_nothing(tmp_path: Path) -> None:
    errors = [StorageError("the disk is full"), sqlite3.OperationalError("locked")]

    def open_at_third() -> SqliteHistoryStore:
        if errors:
            raise errors.pop()
        return SqliteHistoryStore(open_history(tmp_path))

    history = History(open_at_third)
    history.record("pico", time.time(), {"t": 1.0})
    history.open()
    wait_until(lambda: history.state != "ok")
    assert history.state.startswith("degraded: the history cannot be opened")

    wait_until(lambda: history.state == "ok")
    assert history.close(10.0)
    with closing(open_history(tmp_path)) as connection:
        assert last_readings(connection, "pico")["t"][0] == 1.0


def test_a_batch_that_fails_leaves_no_series_that_is_not_in_the_database(kept: Kept) -> None:
    kept.record("pico", NOON_S, t=1)
    kept.tables.store = _fail_once(kept.tables.store)  # type: ignore[method-assign]
    kept.write()
    assert kept.history.state.startswith("degraded") and not kept.count("series")

    kept.write()

    assert [point.mean for point in kept.plot("pico", "t", NOON_S, NOON_S + 60).points] == [1.0]


def test_reports_wait_while_the_disk_fails_and_are_written_afterwards(kept: Kept) -> None:
    kept.record("pico", NOON_S, t=1)
    kept.connection.execute("PRAGMA query_only = ON")
    kept.write()
    assert kept.history.state.startswith("degraded") and not kept.count("series")
    kept.record("pico", NOON_S + 10, t=2)

    kept.connection.execute("PRAGMA query_only = OFF")
    kept.write()

    assert kept.history.state == "ok"
    assert [point.mean for point in kept.plot("pico", "t", NOON_S, NOON_S + 60).points] == [1.0, 2.0]


def test_a_damaged_history_is_explained_with_its_file(tmp_path: Path) -> None:
    (tmp_path / DATABASE_NAME).write_bytes(b"no database" * 100)

    with pytest.raises(StorageError, match=f"{DATABASE_NAME} is damaged"):
        open_history(tmp_path)


def test_last_readings_are_the_newest_of_each_name(kept: Kept) -> None:
    kept.record("pico", NOON_S, t=1, u=5)
    kept.record("pico", NOON_S + 10, t=2)
    kept.record("other", NOON_S + 20, t=3)
    kept.write()

    assert last_readings(kept.connection, "pico") == {"t": (2.0, NOON_S + 10), "u": (5.0, NOON_S)}


def test_only_the_owner_may_read_the_history(tmp_path: Path) -> None:
    with closing(open_history(tmp_path)) as connection:
        assert isinstance(connection, sqlite3.Connection)
    assert (tmp_path / DATABASE_NAME).stat().st_mode & 0o777 == 0o600
