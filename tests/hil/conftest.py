"""What the tests on a board share: which program they are for."""

from __future__ import annotations

import pytest

from darvaz.testing import Board


@pytest.fixture
def pan_tilt(board: Board) -> Board:
    """The board of --board, if it runs firmware/pico/main.py."""
    return with_commands(board, "pan", "tilt", "led")


@pytest.fixture
def camera(board: Board) -> Board:
    """The board of --board, if it runs firmware/esp32cam/main.py."""
    return with_commands(board, "snapshot", "stream")


def with_commands(board: Board, *names: str) -> Board:
    missing = [name for name in names if name not in board.about()["commands"]]
    if missing:
        pytest.skip(f"{board.id} is of kind {board.kind}: it has no command {', '.join(missing)}")
    return board
