"""The words of --board: each means one board, and a slip of the pen is told the words there are."""

from __future__ import annotations

import pytest

from darvaz.pytest_plugin.board_option import Choice, parse_choice
from darvaz.pytest_plugin.errors import BenchError


@pytest.mark.parametrize(
    ("word", "choice"),
    [
        ("virtual", Choice(virtual_kind="pico")),
        ("virtual:pico", Choice(virtual_kind="pico")),
        ("virtual:esp32cam", Choice(virtual_kind="esp32cam")),
        ("auto", Choice(port="auto")),
        ("/dev/ttyACM0", Choice(port="/dev/ttyACM0")),
        ("COM3", Choice(port="COM3")),
        ("id:e6614c311b7e6f35", Choice(port="id:e6614c311b7e6f35")),
        ("port:/dev/ttyUSB0", Choice(port="/dev/ttyUSB0")),
        ("device:pan-tilt", Choice(device="pan-tilt")),
    ],
)
def test_word_means_one_board(word: str, choice: Choice) -> None:
    assert parse_choice(word) == choice


@pytest.mark.parametrize("word", ["", "virtua", "virtual:", "virtual:toaster", "device:", "pan-tilt"])
def test_slip_of_the_pen_is_told_the_words(word: str) -> None:
    with pytest.raises(BenchError, match=r"expected virtual, .*auto, a port .* or device:<id>"):
        parse_choice(word)
