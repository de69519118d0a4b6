"""The tests on a board, with `--board emulated`: the official firmware of the Pico W, reset and without power too."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.emulated import EmulatedPico, need_emulator
from tests.support.hil import pytest_in
from tests.support.littlefs import firmware_of, put_files_on_pico

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 500.0
# A file of the earlier run.
NOTE = b"written by an earlier run"
# What only a chip shows; for the others the virtual board is as good.
CHOSEN = {
    "test_board.py": (
        "test_board_identifies_itself",
        "test_program_finds_the_buses_and_pins_of_its_port",
        "test_error_in_a_program_is_answered_and_its_traceback_logged",
        "test_board_whose_power_was_cut_comes_back_and_obeys",
        "test_board_comes_back_after_a_reboot_command",
    ),
    "test_pan_tilt.py": (
        "test_servo_goes_to_the_end_of_its_range",
        "test_temperature_is_reported_and_plausible",
    ),
}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(DEADLINE_S + 20), pytest.mark.xdist_group("emulated")]


def keep_flash_of_an_earlier_run(folder: Path) -> bytes:
    """Puts the flash of a board with our firmware, and without settings, into a folder; returns it."""
    board = EmulatedPico(folder, "http://127.0.0.1:9")
    with board:
        pass
    put_files_on_pico(board.flash, {**firmware_of("pico"), "/note.txt": NOTE})
    return board.flash.read_bytes()


async def test_suite_passes_on_an_emulated_pico_w(tmp_path: Path) -> None:
    need_emulator()
    before = await asyncio.to_thread(keep_flash_of_an_earlier_run, tmp_path)

    tests = [f"tests/hil/{file}::{name}" for file, names in CHOSEN.items() for name in names]
    words = ("-q", "-n", "0", "-p", "no:cacheprovider", "--board", "emulated", "--board-keep", str(tmp_path), *tests)
    code, output = await pytest_in(ROOT, *words, deadline_s=DEADLINE_S)

    assert code == 0, output
    assert "skipped" not in output.splitlines()[-1]
    kept = (tmp_path / "flash.bin").read_bytes()
    assert b'"emulated-pico"' in kept and b'"emulated-pico"' not in before
    assert NOTE in kept
