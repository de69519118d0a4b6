"""The values of --board: each means one board, and for others the message has the possible values."""

from __future__ import annotations

from pathlib import Path

import pytest

from darvaz.pytest_plugin.bench import Bench, Options
from darvaz.pytest_plugin.board_option import BoardOption, parse_board_option
from darvaz.pytest_plugin.errors import BenchError


@pytest.mark.parametrize(
    ("word", "option"),
    [
        ("virtual", BoardOption(virtual_kind="pico")),
        ("virtual:pico", BoardOption(virtual_kind="pico")),
        ("virtual:esp32cam", BoardOption(virtual_kind="esp32cam")),
        ("emulated", BoardOption(is_emulated=True)),
        ("auto", BoardOption(port="auto")),
        ("/dev/ttyACM0", BoardOption(port="/dev/ttyACM0")),
        ("COM3", BoardOption(port="COM3")),
        ("id:e6614c311b7e6f35", BoardOption(port="id:e6614c311b7e6f35")),
        ("port:/dev/ttyUSB0", BoardOption(port="/dev/ttyUSB0")),
        ("device:pan-tilt", BoardOption(device="pan-tilt")),
    ],
)
def test_value_means_one_board(word: str, option: BoardOption) -> None:
    assert parse_board_option(word) == option


@pytest.mark.parametrize("word", ["", "virtua", "virtual:", "virtual:toaster", "emulated:pico", "device:", "pan-tilt"])
def test_wrong_value_is_answered_with_the_possible_ones(word: str) -> None:
    with pytest.raises(BenchError, match=r"expected virtual, .*auto, a port .* or device:<id>"):
        parse_board_option(word)


def test_only_the_flash_of_an_emulated_board_can_be_kept() -> None:
    assert Bench(Options("emulated", keep=Path("kept"))).options.keep == Path("kept")
    with pytest.raises(BenchError, match="--board-keep is for --board emulated"):
        Bench(Options("virtual", keep=Path("kept")))
