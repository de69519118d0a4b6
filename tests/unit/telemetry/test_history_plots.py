"""Plots of the history: from the right source, with waiting readings, late ones and states."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from darvaz.gateway.storage.database import open_database
from darvaz.gateway.telemetry.export import ReadingFilter
from darvaz.gateway.telemetry.history_queries import POINTS_MAX, last_readings, plot, states
from darvaz.gateway.telemetry.history_schema import DATABASE_NAME, MIGRATIONS, open_history
from darvaz.gateway.telemetry.history_tables import (
    FIVE_MINUTES_S,
    HOUR_S,
    Retention,
)
from darvaz.gateway.telemetry.report_queue import newest_of
from darvaz.gateway.telemetry.text_export import read_texts
from tests.unit.telemetry.histories import DAY_S, NOON_S, Kept

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


def test_the_newest_waiting_reading_of_each_name_is_known(kept: Kept) -> None:
    kept.record("pico", NOON_S + 10, t=2.0)
    kept.record("pico", NOON_S, t=1.0, u=5.0)

    assert kept.history.newest_waiting("pico") == {"t": (2.0, NOON_S + 10), "u": (5.0, NOON_S)}
    assert kept.history.newest_waiting("other") == {}


def test_the_newest_reading_is_the_last_of_its_moment_and_no_late_one(kept: Kept) -> None:
    kept.record("pico", NOON_S, t=1.0, u=1.0)
    kept.record("pico", NOON_S, t=2.0, u=2.0)
    kept.write()
    kept.record("pico", NOON_S, t=3.0)
    kept.record("pico", NOON_S - 60, u=0.0)
    stored, waiting = last_readings(kept.connection, "pico"), kept.history.newest_waiting("pico")

    assert stored == {"t": (2.0, NOON_S), "u": (2.0, NOON_S)}
    assert newest_of(stored, waiting) == {"t": (3.0, NOON_S), "u": (2.0, NOON_S)}


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


@pytest.mark.parametrize("changes", [["on", "idle"], ["idle", "on"], ["on", "idle", "on"], ["idle", "on", "idle"]])
@pytest.mark.parametrize("writes", ["at once", "each by itself", "never"])
def test_the_last_of_several_changes_in_one_millisecond_is_what_holds(
    kept: Kept, changes: list[str], writes: str
) -> None:
    for change in changes:
        kept.record("pump", NOON_S, mode=change)
        if writes == "each by itself":
            kept.write()
    if writes == "at once":
        kept.write()

    found = states(kept.connection, "pump", "mode", NOON_S, NOON_S + 60, kept.history.waiting_states("pump", "mode"))

    assert found == [(NOON_S, changes[-1])]
    assert exported(kept) == ([] if writes == "never" else changes)


def exported(kept: Kept) -> list[str]:
    portion = read_texts(kept.connection, ReadingFilter("", "", 0, 2**62), None)
    return [] if portion is None else [msgspec.json.decode(value) for _, _, value in portion.changes]


def test_of_too_many_changes_the_newest_are_shown(kept: Kept) -> None:
    for second in range(POINTS_MAX + 1):
        kept.record("pump", NOON_S + second, mode=f"step {second}")
    kept.write()

    found = states(kept.connection, "pump", "mode", NOON_S, NOON_S + 2 * POINTS_MAX)

    assert (len(found), found[0][1], found[-1][1]) == (POINTS_MAX, "step 1", f"step {POINTS_MAX}")


def test_a_history_of_before_changes_had_numbers_keeps_them_all(tmp_path: Path) -> None:
    with closing(open_database(tmp_path, DATABASE_NAME, MIGRATIONS[:4])) as old:
        old.execute("INSERT INTO series (id, device, name) VALUES (7, 'pump', 'mode')")
        rows = [(7, 1_000, '"on"'), (7, 1_000, '"idle"'), (7, 2_000, '"on"'), (8, 1_000, "true")]
        old.executemany("INSERT INTO states (series, time_ms, value) VALUES (?, ?, ?)", rows)

    with closing(open_history(tmp_path)) as connection:
        kept = connection.execute("SELECT series, time_ms, number FROM states ORDER BY 1, 2, 3").fetchall()

        assert kept == [(7, 1_000, 0), (7, 1_000, 1), (7, 2_000, 0), (8, 1_000, 0)]
        assert [state for _, state in states(connection, "pump", "mode", 0, 60)][-1] == "on"


# Plots


of_a_month = pytest.mark.xdist_group("plots of a month")


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """A month of a reading a minute, whose value is the hour it is in; tests read it only."""
    kept = Kept(tmp_path_factory.mktemp("month"))
    for minute in range(30 * 24 * 60):
        kept.record("pico", NOON_S + minute * 60, t=float(minute // 60))
    kept.write()
    yield kept
    kept.connection.close()


@of_a_month
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


@of_a_month
def test_no_plot_has_more_points_than_were_asked_for(month: Kept) -> None:
    for points in (1, 2, 7, 100, 719, 720, POINTS_MAX):
        for begin_s, end_s in ((0, 30 * DAY_S), (1, 30 * DAY_S - 1), (DAY_S / 3, DAY_S)):
            found = month.plot("pico", "t", NOON_S + begin_s, NOON_S + end_s, points)

            assert 0 < len(found.points) <= points, (points, begin_s, end_s, found.source)


@of_a_month
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
