"""The camera program on a board: its frames and its state."""

from __future__ import annotations

import pytest

from darvaz.testing import Board

# One board for all of them.
pytestmark = pytest.mark.xdist_group("hil")
SIZES = {"QVGA": (320, 240), "VGA": (640, 480)}


def test_picture_is_a_whole_jpeg(camera: Board) -> None:
    picture = camera.snapshot()

    assert picture[:2] == b"\xff\xd8"
    assert picture[-2:] == b"\xff\xd9"


@pytest.mark.parametrize("size", SIZES)
def test_frame_has_the_requested_size(camera: Board, size: str) -> None:
    camera.command("stream", fps=0, size=size, quality=60)

    assert measure(camera.snapshot()) == SIZES[size]


def test_two_pictures_are_two_moments(camera: Board) -> None:
    assert camera.snapshot() != camera.snapshot()


def test_pictures_come_again_after_a_reset(camera: Board) -> None:
    camera.reset()

    assert camera.snapshot()[:2] == b"\xff\xd8"


def test_camera_logs_that_it_is_ready(camera: Board) -> None:
    camera.reset()
    camera.snapshot()

    camera.expect_telemetry("camera_state", where=lambda word: word in ("off", "ready"))


def measure(jpeg: bytes) -> tuple[int, int]:
    """Returns width and height, from the first start of frame (ITU T.81, B.2.2)."""
    at = 2
    while jpeg[at + 1] not in (0xC0, 0xC1, 0xC2):
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4])
    return int.from_bytes(jpeg[at + 7 : at + 9]), int.from_bytes(jpeg[at + 5 : at + 7])
