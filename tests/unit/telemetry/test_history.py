"""The history: readings and their summaries are kept for some time, within limits, and read as a plot."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from darvaz.gateway.storage.database import StorageError
from darvaz.gateway.telemetry.history import PENDING_REPORTS_MAX, History
from darvaz.gateway.telemetry.history_queries import POINTS_MAX, Plot, last_readings, plot, states
from darvaz.gateway.telemetry.history_schema import DATABASE_NAME, open_history
from darvaz.gateway.telemetry.history_store import (
    FIVE_MINUTES_S,
    HOUR_S,
    SERIES_PER_DEVICE_MAX,
    HistoryStore,
    Retention,
)
from darvaz.gateway.telemetry.recent import Value

DAY_S = 86_400.0
# The start of a day, and so of an hour and of five minutes.
NOON_S = 20_000 * DAY_S


def wait_until(condition: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline_s, "it did not happen"
        time.sleep(0.005)


def _fail_once(function: Callable[..., None]) -> Callable[..., None]:
    """Returns a function that raises a mistake of ours at its first call."""
    errors = [KeyError("a mistake")]

    def call(*args: Any) -> None:
        if errors:
            raise errors.pop()
        function(*args)

    return call


class Kept:
    """A history that the test writes itself, without its thread, and reads."""

    def __init__(self, folder: Path, retention: Retention | None = None, store: HistoryStore | None = None) -> None:
        self.now_s = NOON_S
        self.connection = open_history(folder)
        self.history = History(lambda: self.connection, retention, unix_s=lambda: self.now_s, store=store)

    def record(self, device: str, time_s: float, **values: Value) -> None:
        self.history.record(device, time_s, values)

    def write(self) -> None:
        self.history.flush_now()
        self.history.writer.write_once()

    def retain(self) -> None:
        self.history.retain()

    def plot(self, device: str, name: str, from_s: float, to_s: float, points: int = 500) -> Plot:
        return plot(self.connection, device, name, from_s, to_s, points, self.history.waiting(device, name))

    def count(self, table: str) -> int:
        counted = "sum(count)" if table == "readings" else "count(*)"
        return int(self.connection.execute(f"SELECT {counted} FROM {table}").fetchone()[0] or 0)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Kept]]:
    made: list[Kept] = []

    def build(retention: Retention | None = None, store: HistoryStore | None = None) -> Kept:
        made.append(Kept(tmp_path, retention, store))
        return made[-1]

    yield build
    for kept in made:
        kept.connection.close()


@pytest.fixture
def kept(make: Callable[..., Kept]) -> Kept:
    return make()


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
    history = History(lambda: open_history(tmp_path))
    history.open()
    history.record("pico", time.time(), {"t": 1.0})

    assert history.close(10.0)
    with closing(open_history(tmp_path)) as connection:
        assert last_readings(connection, "pico")["t"][0] == 1.0


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
    for _ in range(PENDING_REPORTS_MAX + 1):
        kept.history.record("pico", NOON_S, {"t": 1.0})

    assert kept.history.writer.waiting == PENDING_REPORTS_MAX
    assert kept.history.dropped_reports == 1


def test_reports_that_were_dropped_are_told_once_when_the_others_are_written(
    kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(PENDING_REPORTS_MAX + 3):
        kept.history.record("pico", NOON_S, {"t": 1.0})
    kept.write()
    kept.write()

    assert caplog.text.count("3 reports are missing in the history") == 1


def test_reports_are_accepted_again_once_there_is_room(kept: Kept) -> None:
    for _ in range(PENDING_REPORTS_MAX):
        kept.history.record("pico", NOON_S, {"t": 1.0})
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
    kept = make(store=HistoryStore(series_max=3))
    for number in range(4):
        kept.record(f"device{number}", NOON_S, t=1.0)
    kept.write()

    assert kept.count("series") == 3
    assert kept.history.refused_readings == 1


def test_a_series_of_which_nothing_is_left_makes_room_for_another(make: Callable[..., Kept]) -> None:
    kept = make(Retention(1, 1, 1), HistoryStore(series_max=2))
    kept.record("old", NOON_S, t=1.0)
    for day in range(4):
        kept.record("daily", NOON_S + day * DAY_S, t=1.0)
    kept.write()
    kept.now_s = NOON_S + 4 * DAY_S
    kept.retain()
    kept.record("new", kept.now_s, t=1.0)
    kept.write()

    assert kept.history.refused_readings == 0
    assert kept.plot("new", "t", kept.now_s, kept.now_s + 1).points != []


# Waiting readings, late ones, states


def test_readings_that_wait_are_in_a_plot_once(kept: Kept) -> None:
    for second in range(0, 7200, 10):
        kept.record("pico", NOON_S + second, t=float(second))
        if second == 3600:
            kept.write()
        if second % 3000 == 0:
            for points in (2000, 500, 20, 1):
                found = kept.plot("pico", "t", NOON_S, NOON_S + 2 * HOUR_S, points)
                assert sum(point.count for point in found.points) == second // 10 + 1


def test_waiting_readings_that_a_flush_wrote_meanwhile_are_not_counted_twice(kept: Kept) -> None:
    kept.record("pico", NOON_S, t=1.0)
    waiting = kept.history.waiting("pico", "t")
    kept.write()

    found = plot(kept.connection, "pico", "t", NOON_S, NOON_S + 60, 500, waiting)

    assert [point.count for point in found.points] == [1]


def test_late_readings_are_kept_at_the_time_they_happened(kept: Kept) -> None:
    for second in range(0, 600, 10):
        kept.record("pico", NOON_S + second + (300 if second >= 300 else 0), t=1.0)
    kept.write()
    for second in range(300, 600, 10):
        kept.record("pico", NOON_S + second, t=2.0)
    kept.write()

    found = kept.plot("pico", "t", NOON_S, NOON_S + 900)

    assert [point.time for point in found.points] == [NOON_S + second for second in range(0, 900, 10)]
    assert kept.connection.execute("SELECT time_s, count, sum FROM five_minutes ORDER BY time_s").fetchall() == [
        (NOON_S, 30, 30.0), (NOON_S + 300, 30, 60.0), (NOON_S + 600, 30, 30.0)
    ]  # fmt: skip


def test_readings_of_one_millisecond_do_not_replace_each_other(kept: Kept) -> None:
    for value in (1.0, 2.0, 3.0):
        kept.record("pico", NOON_S, t=value)
        kept.write()
    kept.record("pico", NOON_S, t=4.0)

    assert [point.mean for point in kept.plot("pico", "t", NOON_S, NOON_S + 1).points] == [1.0, 2.0, 3.0, 4.0]


def test_texts_and_truth_values_are_kept_as_changes(kept: Kept) -> None:
    for second, state in enumerate(["shut", "shut", "open", "open", "shut"]):
        kept.record("door", NOON_S + second, state=state, locked=state == "shut")
    kept.write()

    assert states(kept.connection, "door", "state", NOON_S + 1, NOON_S + 60) == [
        (NOON_S, "shut"), (NOON_S + 2, "open"), (NOON_S + 4, "shut")
    ]  # fmt: skip
    assert [state for _, state in states(kept.connection, "door", "locked", NOON_S, NOON_S + 60)] == [True, False, True]
    assert [point.mean for point in kept.plot("door", "locked", NOON_S, NOON_S + 60).points] == [1, 1, 0, 0, 1]


# Plots


@pytest.fixture
def month(kept: Kept) -> Kept:
    """A month of a reading a minute, whose value is the hour it is in."""
    for minute in range(30 * 24 * 60):
        kept.record("pico", NOON_S + minute * 60, t=float(minute // 60))
    kept.write()
    return kept


@pytest.mark.parametrize(
    ("span_s", "points", "source"),
    [
        (30 * DAY_S, 500, "hours"),
        (30 * DAY_S, 2000, "five_minutes"),
        (DAY_S, 500, "readings"),
        (2 * DAY_S, 500, "five_minutes"),
        (HOUR_S * 500, 500, "hours"),
        (HOUR_S * 500 - 500, 500, "five_minutes"),
        (FIVE_MINUTES_S * 500, 500, "five_minutes"),
        (FIVE_MINUTES_S * 500 - 500, 500, "readings"),
    ],
)
def test_a_plot_reads_the_coarsest_source_that_is_fine_enough(
    month: Kept, span_s: float, points: int, source: str
) -> None:
    found = month.plot("pico", "t", NOON_S, NOON_S + span_s, points)

    assert found.source == source
    assert 0 < len(found.points) <= points + 1


def test_no_plot_has_more_points_than_were_asked_for(month: Kept) -> None:
    for points in (1, 2, 7, 100, 719, 720, POINTS_MAX):
        for begin_s, end_s in ((0, 30 * DAY_S), (1, 30 * DAY_S - 1), (DAY_S / 3, DAY_S)):
            found = month.plot("pico", "t", NOON_S + begin_s, NOON_S + end_s, points)

            assert 0 < len(found.points) <= points, (points, begin_s, end_s, found.source)


def test_every_source_gives_the_same_sums(month: Kept) -> None:
    for points in (24, 200, 1440):
        found = month.plot("pico", "t", NOON_S, NOON_S + DAY_S, points)

        assert sum(point.count for point in found.points) == 1440
        assert min(point.low for point in found.points) == 0.0
        assert max(point.high for point in found.points) == 23.0
        assert sum(point.mean * point.count for point in found.points) == pytest.approx(sum(range(24)) * 60)
        assert [point.time for point in found.points] == sorted(point.time for point in found.points)


def test_old_times_are_plotted_from_summaries_when_the_readings_are_gone(make: Callable[..., Kept]) -> None:
    kept = make(Retention(raw_days=1, five_minutes_days=10))
    for minute in range(0, 30 * 24 * 60, 5):
        kept.record("pico", NOON_S + minute * 60, t=1.0)
    kept.write()
    kept.now_s = NOON_S + 30 * DAY_S
    kept.retain()

    newest = kept.plot("pico", "t", NOON_S + 29.5 * DAY_S, NOON_S + 30 * DAY_S)
    middle = kept.plot("pico", "t", NOON_S + 25 * DAY_S, NOON_S + 25 * DAY_S + HOUR_S)
    oldest = kept.plot("pico", "t", NOON_S, NOON_S + DAY_S)

    assert [newest.source, middle.source, oldest.source] == ["readings", "five_minutes", "hours"]
    assert [len(newest.points), len(middle.points), len(oldest.points)] == [144, 12, 24]


# Retention


@pytest.mark.parametrize(
    ("table", "days"), [("readings", 7.0), ("five_minutes", 90.0), ("hours", 1825.0)], ids=lambda value: str(value)
)
def test_each_source_is_kept_for_its_time(kept: Kept, table: str, days: float) -> None:
    for day in range(int(days) + 1):
        kept.record("pico", NOON_S + day * DAY_S, t=1)
    kept.write()
    count = kept.count(table)

    kept.now_s = NOON_S + days * DAY_S
    kept.retain()
    assert kept.count(table) == count

    kept.now_s += 1
    kept.retain()
    assert kept.count(table) == count - 1


@pytest.mark.parametrize("ahead_s", [DAY_S, 60 * DAY_S, 10 * 365 * DAY_S])
def test_a_clock_that_is_ahead_for_a_while_deletes_nothing(kept: Kept, ahead_s: float) -> None:
    for day in range(6):
        kept.record("pico", NOON_S + day * DAY_S, t=1)
    kept.write()
    kept.now_s = NOON_S + 6 * DAY_S + ahead_s
    kept.record("pico", kept.now_s, t=2)
    kept.write()
    kept.retain()

    assert kept.count("readings") == 7
    assert kept.count("hours") == 7


def test_a_history_that_is_too_large_loses_its_oldest_readings_first(make: Callable[..., Kept]) -> None:
    kept = make(Retention(raw_days=64, bytes_max=1_500_000))
    chance = random.Random(4)
    for number in range(60_000):
        kept.record("pico", NOON_S + number * 60, t=float(number) + chance.random(), u=chance.random())
        if number % 20_000 == 0:
            kept.write()
    kept.write()
    kept.now_s = NOON_S + 60_000 * 60
    before = kept.count("readings"), kept.count("five_minutes"), kept.count("hours")

    kept.retain()

    left = kept.count("readings")
    assert 0 < left < before[0]
    assert (kept.count("five_minutes"), kept.count("hours")) == before[1:]
    assert int(kept.plot("pico", "t", kept.now_s - 3600, kept.now_s).points[-1].mean) == 59_999
    assert kept.history.is_cut


def test_a_history_whose_last_hour_is_too_large_is_held_to_its_size(make: Callable[..., Kept]) -> None:
    kept = make(Retention(bytes_max=1_000_000))
    chance = random.Random(5)
    for _ in range(10):
        for number in range(1_000):
            kept.record("pico", NOON_S + number / 10, **{f"t{name}": chance.random() for name in range(40)})
        kept.write()
        kept.retain()

        pages = kept.connection.execute("PRAGMA page_count").fetchone()[0]
        assert pages * 4096 <= 2_200_000


def test_nothing_of_a_forgotten_device_is_kept(kept: Kept) -> None:
    kept.record("gone", NOON_S, t=1)
    kept.record("stays", NOON_S, t=1)
    kept.write()
    kept.record("gone", NOON_S + 1, t=1)
    kept.history.forget("gone")
    kept.record("gone", NOON_S + 2, u=5)
    kept.write()

    assert kept.plot("gone", "t", 0, NOON_S * 2).points == []
    assert [point.mean for point in kept.plot("gone", "u", NOON_S, NOON_S + 60).points] == [5.0]
    assert len(kept.plot("stays", "t", NOON_S, NOON_S + 60).points) == 1


# Disks that fail


def test_a_history_that_cannot_be_opened_at_first_is_opened_later_and_loses_nothing(tmp_path: Path) -> None:
    errors = [StorageError("the disk is full"), sqlite3.OperationalError("locked")]

    def open_at_third() -> sqlite3.Connection:
        if errors:
            raise errors.pop()
        return open_history(tmp_path)

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
    kept.history._store.store = _fail_once(kept.history._store.store)  # type: ignore[method-assign]
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
