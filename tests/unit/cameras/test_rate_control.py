"""The rate of a camera follows what its link carries."""

from __future__ import annotations

import math

from darvaz.gateway.cameras.rate_control import FPS_MIN, RateControl


def test_a_good_link_is_not_limited() -> None:
    control = RateControl()

    for _ in range(10):
        control.measure(asked_fps=10, arrived_fps=10, round_trip_s=0.05)

    assert control.limit_fps == math.inf


def test_a_slow_sensor_does_not_lower_the_rate() -> None:
    control = RateControl()

    control.measure(asked_fps=10, arrived_fps=3, round_trip_s=0.05)

    assert control.limit_fps == math.inf


def test_a_late_answer_lowers_the_rate_below_that_of_arriving_frames() -> None:
    control = RateControl()

    control.measure(asked_fps=10, arrived_fps=4, round_trip_s=1.5)

    assert FPS_MIN <= control.limit_fps < 4


def test_answers_as_late_as_those_of_the_idle_link_do_not_lower_the_rate() -> None:
    control = RateControl()

    control.calibrate(round_trip_s=0.7)

    control.measure(asked_fps=10, arrived_fps=10, round_trip_s=0.9)
    first = control.limit_fps
    control.measure(asked_fps=10, arrived_fps=10, round_trip_s=1.5)

    assert (first, control.limit_fps < 10) == (math.inf, True)


def test_without_answers_the_rate_follows_the_arriving_frames() -> None:
    control = RateControl()

    control.measure(asked_fps=10, arrived_fps=9, round_trip_s=None)
    assert control.limit_fps == math.inf
    control.measure(asked_fps=10, arrived_fps=4, round_trip_s=None)

    assert control.limit_fps < 4


def test_good_periods_raise_the_rate_step_by_step() -> None:
    control = RateControl()
    control.measure(asked_fps=10, arrived_fps=4, round_trip_s=1.5)
    limits = []

    for _ in range(40):
        control.measure(control.limit_fps, control.limit_fps, 0.05)
        control.clear_limit_above(wanted_fps=10)
        limits.append(control.limit_fps)

    assert limits == sorted(limits)
    assert 4 < limits[len(limits) // 4] < 10 or math.inf in limits
    assert limits[-1] == math.inf


def test_each_setback_makes_the_next_try_later() -> None:
    control = RateControl()
    tries = []

    for period in range(200):
        before = control.limit_fps
        is_late = control.limit_fps > 4
        control.measure(min(control.limit_fps, 10), min(control.limit_fps, 4), 1.5 if is_late else 0.05)
        if before < control.limit_fps:
            tries.append(period)

    assert len(tries) < 40
    assert tries[-1] - tries[-2] > tries[1] - tries[0]


def test_the_rate_has_a_minimum() -> None:
    control = RateControl()

    for _ in range(50):
        control.measure(asked_fps=min(1, control.limit_fps), arrived_fps=0, round_trip_s=9.0)

    assert control.limit_fps == FPS_MIN
