"""What viewers want together, within what the owner and the board allow; and what a weak link makes of it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, get_args

import pytest

from darvaz.gateway.cameras.rate_control import FPS_MIN, RateControl
from darvaz.gateway.frames import CameraSettings, StreamParams, ViewerRequest
from darvaz.gateway.frames.demand import SIZES, Size, clamp_to, merge, resolve_defaults

BOUNDS = CameraSettings(
    fps=10, fps_max=25, size="VGA", size_max="SVGA", quality=80, quality_max=90, idle_every_s=10.0
)  # fmt: skip
DECLARED: dict[str, dict[str, Any]] = {
    "fps": {"type": "number", "min": 0, "max": 15},
    "size": {"type": "string", "choices": ["UXGA", "QVGA", "VGA"]},
    "quality": {"type": "integer", "min": 10, "max": 60},
}


def test_every_size_can_be_compared() -> None:
    assert get_args(Size) == tuple(SIZES)
    assert list(SIZES.values()) == sorted(SIZES.values())


@pytest.mark.parametrize(
    ("requests", "expected"),
    [
        ([], StreamParams(0.1, "VGA", 80)),
        ([ViewerRequest()], StreamParams(10, "VGA", 80)),
        ([ViewerRequest(fps=2)], StreamParams(2, "VGA", 80)),
        ([ViewerRequest(fps=2, size="QVGA", quality=30)], StreamParams(2, "QVGA", 30)),
        ([ViewerRequest(fps=2, size="QVGA", quality=30), ViewerRequest(fps=5, quality=10)], StreamParams(5, "VGA", 30)),
        ([ViewerRequest(fps=60, size="UXGA", quality=100)], StreamParams(25, "SVGA", 90)),
    ],
)
def test_the_highest_wish_counts_within_the_owners_bounds(
    requests: list[ViewerRequest], expected: StreamParams
) -> None:
    assert merge(requests, BOUNDS) == expected


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ({"size": {"default": "QVGA"}, "quality": {"default": 30}}, ("QVGA", 30)),
        ({"size": {"default": "tiny"}, "quality": {"default": "good"}}, ("VGA", 80)),
        ({"size": {}, "quality": {}}, ("VGA", 80)),
        ({}, ("VGA", 80)),
    ],
)
def test_what_is_left_to_the_board_is_what_it_declared(declared: dict[str, Any], expected: tuple[str, int]) -> None:
    left = replace(BOUNDS, size="board", quality=0)

    settled = resolve_defaults(left, declared)

    assert (settled.size, settled.quality) == expected
    assert resolve_defaults(BOUNDS, declared) == BOUNDS


def test_a_camera_that_shall_rest_is_asked_for_nothing() -> None:
    resting = CameraSettings(fps=10, fps_max=25, size="VGA", size_max="VGA", quality=80, quality_max=90, idle_every_s=0)

    assert merge([], resting).fps == 0


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (StreamParams(10, "VGA", 50), {"fps": 10, "size": "VGA", "quality": 50}),
        (StreamParams(25, "SXGA", 90), {"fps": 15, "size": "VGA", "quality": 60}),
        (StreamParams(0, "QQVGA", 1), {"fps": 0, "size": "QVGA", "quality": 10}),
    ],
)
def test_a_board_is_asked_for_what_it_declared(asked: StreamParams, expected: dict[str, Any]) -> None:
    assert clamp_to(asked, DECLARED) == expected


def test_a_board_that_declared_no_arguments_is_given_none() -> None:
    assert clamp_to(StreamParams(10, "VGA", 80), {}) == {}


def test_sizes_that_nobody_knows_are_left_alone() -> None:
    assert clamp_to(StreamParams(10, "VGA", 80), {"size": {"type": "string", "choices": ["small"]}}) == {}


def test_a_good_link_is_not_limited() -> None:
    steering = RateControl()

    for _ in range(10):
        steering.look(asked_fps=10, arrived_fps=10, round_trip_s=0.05)

    assert steering.limit_fps == math.inf


def test_a_slow_sensor_is_no_weak_link() -> None:
    steering = RateControl()

    steering.look(asked_fps=10, arrived_fps=3, round_trip_s=0.05)

    assert steering.limit_fps == math.inf


def test_late_answers_lower_the_rate_below_what_arrives() -> None:
    steering = RateControl()

    steering.look(asked_fps=10, arrived_fps=4, round_trip_s=1.5)

    assert FPS_MIN <= steering.limit_fps < 4


def test_a_link_whose_every_answer_is_slow_is_not_weak_for_that() -> None:
    steering = RateControl()

    steering.calibrate(round_trip_s=0.7)

    steering.look(asked_fps=10, arrived_fps=10, round_trip_s=0.9)
    first = steering.limit_fps
    steering.look(asked_fps=10, arrived_fps=10, round_trip_s=1.5)

    assert (first, steering.limit_fps < 10) == (math.inf, True)


def test_a_board_that_answers_nothing_is_judged_by_what_arrives() -> None:
    steering = RateControl()

    steering.look(asked_fps=10, arrived_fps=9, round_trip_s=None)
    assert steering.limit_fps == math.inf
    steering.look(asked_fps=10, arrived_fps=4, round_trip_s=None)

    assert steering.limit_fps < 4


def test_a_link_that_recovers_is_trusted_again_step_by_step() -> None:
    steering = RateControl()
    steering.look(asked_fps=10, arrived_fps=4, round_trip_s=1.5)
    limits = []

    for _ in range(40):
        steering.look(steering.limit_fps, steering.limit_fps, 0.05)
        steering.lift(wanted_fps=10)
        limits.append(steering.limit_fps)

    assert limits == sorted(limits)
    assert 4 < limits[len(limits) // 4] < 10 or math.inf in limits
    assert limits[-1] == math.inf


def test_trying_more_becomes_rarer_where_it_was_too_much_before() -> None:
    steering = RateControl()
    tries = []

    for look in range(200):
        before = steering.limit_fps
        is_late = steering.limit_fps > 4
        steering.look(min(steering.limit_fps, 10), min(steering.limit_fps, 4), 1.5 if is_late else 0.05)
        if before < steering.limit_fps:
            tries.append(look)

    assert len(tries) < 40
    assert tries[-1] - tries[-2] > tries[1] - tries[0]


def test_the_rate_never_falls_to_nothing() -> None:
    steering = RateControl()

    for _ in range(50):
        steering.look(asked_fps=min(1, steering.limit_fps), arrived_fps=0, round_trip_s=9.0)

    assert steering.limit_fps == FPS_MIN
