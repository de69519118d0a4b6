"""What viewers ask for together, within the limits of the owner and the board."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest

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
def test_the_highest_request_counts_within_the_limits_of_the_owner(
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
def test_settings_left_to_the_board_get_the_defaults_that_it_declared(
    declared: dict[str, Any], expected: tuple[str, int]
) -> None:
    left = replace(BOUNDS, size="board", quality=0)

    settled = resolve_defaults(left, declared)

    assert (settled.size, settled.quality) == expected
    assert resolve_defaults(BOUNDS, declared) == BOUNDS


def test_without_an_idle_rate_an_unwatched_camera_stops() -> None:
    resting = CameraSettings(fps=10, fps_max=25, size="VGA", size_max="VGA", quality=80, quality_max=90, idle_every_s=0)

    assert merge([], resting).fps == 0


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (StreamParams(10, "VGA", 50), {"fps": 10, "size": "VGA", "quality": 50}),
        (StreamParams(25, "SXGA", 90), {"fps": 15, "size": "VGA", "quality": 60}),
        (StreamParams(0, "QQVGA", 1), {"fps": 0, "size": "QVGA", "quality": 10}),
    ],
)
def test_a_board_is_asked_within_what_it_declared(params: StreamParams, expected: dict[str, Any]) -> None:
    assert clamp_to(params, DECLARED) == expected


def test_a_board_that_declared_no_arguments_gets_none() -> None:
    assert clamp_to(StreamParams(10, "VGA", 80), {}) == {}


def test_unknown_sizes_are_left_alone() -> None:
    assert clamp_to(StreamParams(10, "VGA", 80), {"size": {"type": "string", "choices": ["small"]}}) == {}
