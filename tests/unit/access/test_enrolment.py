"""The enrolment window: opened, closed, shared between processes, opened once by itself."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from darvaz.gateway.access import Enrolment
from darvaz.gateway.access.enrolment import FIRST_START_MINUTES, MINUTES_MAX
from darvaz.gateway.storage.database import open_database
from tests.support.clock import Clock

DAY_S = 86_400.0


@pytest.fixture
def enrolment(connection: sqlite3.Connection, clock: Clock) -> Enrolment:
    return Enrolment(connection, clock, clock)


def test_the_window_is_closed_until_it_is_opened(enrolment: Enrolment) -> None:
    assert enrolment.seconds_left() == 0.0


def test_the_window_is_open_for_its_minutes_and_no_longer(enrolment: Enrolment, clock: Clock) -> None:
    enrolment.open_for(2)
    clock.now_s += 119
    assert enrolment.seconds_left() == 1.0

    clock.now_s += 1

    assert enrolment.seconds_left() == 0.0


def test_opening_again_counts_from_now(enrolment: Enrolment) -> None:
    enrolment.open_for(10)
    enrolment.open_for(1)

    assert enrolment.seconds_left() == 60.0


def test_the_window_can_be_closed(enrolment: Enrolment) -> None:
    enrolment.open_for(10)

    enrolment.close()
    enrolment.close()

    assert enrolment.seconds_left() == 0.0


def test_another_process_opens_and_closes_the_same_window(enrolment: Enrolment, tmp_path: Path, clock: Clock) -> None:
    with closing(open_database(tmp_path)) as connection:
        other = Enrolment(connection, clock, clock)

        other.open_for(5)
        assert enrolment.seconds_left() == 300.0

        other.close()
        assert enrolment.seconds_left() == 0.0


@pytest.mark.parametrize("minutes", [0, -1, MINUTES_MAX + 0.1, float("inf"), float("nan")])
def test_the_window_cannot_be_opened_for_minutes_out_of_bounds(enrolment: Enrolment, minutes: float) -> None:
    with pytest.raises(ValueError, match="up to 1440 minutes"):
        enrolment.open_for(minutes)

    assert enrolment.seconds_left() == 0.0


def test_the_longest_window_is_a_day(enrolment: Enrolment) -> None:
    enrolment.open_for(MINUTES_MAX)

    assert enrolment.seconds_left() == 86_400.0


@pytest.mark.parametrize("jump_s", [-365 * DAY_S, -12 * 3600.0, 12 * 3600.0, 60 * DAY_S])
def test_a_window_lives_as_long_as_it_was_opened_for_whatever_the_wall_clock_does(
    connection: sqlite3.Connection, clock: Clock, jump_s: float
) -> None:
    running = Clock()
    enrolment = Enrolment(connection, clock, running)
    enrolment.open_for(15)
    assert enrolment.seconds_left() == 900.0

    clock.now_s += jump_s
    running.now_s += 899

    assert enrolment.seconds_left() == 1.0
    running.now_s += 1
    assert enrolment.seconds_left() == 0.0


@pytest.mark.parametrize(("jump_s", "left_s"), [(-12 * 3600.0, 0.0), (-1.0, 0.0), (60.0, 840.0), (DAY_S, 0.0)])
def test_a_gateway_that_starts_with_a_clock_set_back_closes_the_window(
    enrolment: Enrolment, connection: sqlite3.Connection, clock: Clock, jump_s: float, left_s: float
) -> None:
    enrolment.open_for(15)

    clock.now_s += jump_s

    assert Enrolment(connection, clock, clock).seconds_left() == left_s


def test_a_window_that_another_process_opens_by_a_later_clock_is_open_for_its_minutes(
    enrolment: Enrolment, connection: sqlite3.Connection
) -> None:
    later = Clock()
    later.now_s += 50 * 365 * DAY_S

    Enrolment(connection, later, later).open_for(5)

    assert enrolment.seconds_left() == 300.0


def test_the_first_start_opens_the_window(enrolment: Enrolment) -> None:
    assert enrolment.open_at_first_start()

    assert enrolment.seconds_left() == FIRST_START_MINUTES * 60 == 900.0


def test_the_second_start_does_not_open_it(enrolment: Enrolment, clock: Clock) -> None:
    enrolment.open_at_first_start()
    clock.now_s += 3600

    assert not enrolment.open_at_first_start()
    assert enrolment.seconds_left() == 0.0


def test_a_start_with_a_device_known_does_not_open_it(enrolment: Enrolment, connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO devices (id, kind, first_seen_s, last_seen_s) VALUES ('pico_1', 'pico', 1, 1)")

    assert not enrolment.open_at_first_start()
    assert enrolment.seconds_left() == 0.0


def test_a_window_closed_on_purpose_stays_closed_at_the_first_start(enrolment: Enrolment) -> None:
    enrolment.close()

    assert not enrolment.open_at_first_start()
    assert enrolment.seconds_left() == 0.0


def test_a_window_opened_before_the_first_start_stays_as_it_is(enrolment: Enrolment) -> None:
    enrolment.open_for(60)

    assert not enrolment.open_at_first_start()
    assert enrolment.seconds_left() == 3600.0
