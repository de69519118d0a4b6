"""The emulated Pico W without our firmware: its image, its flash, its power, and its end."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from darvaz.boards.emulated import EmulatedPico, NoEmulator
from darvaz.boards.serial import Prompt
from tests.support.emulated import need_emulator

GATEWAY = "http://127.0.0.1:9"
DEADLINE_S = 60.0
WRITE = "with open('notes.txt', 'w') as file: file.write('%s')"
RANDOM = "import os; print(os.urandom(8).hex())"
# Runs a board and prints the emulator's process id, until it is killed.
OWNER = """
import sys, threading
from pathlib import Path
from darvaz.boards.emulated import EmulatedPico

with EmulatedPico(Path(sys.argv[1]), sys.argv[2]) as board:
    print(board.pid, flush=True)
    threading.Event().wait()
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200), pytest.mark.xdist_group("emulated")]


@pytest.fixture
def board(tmp_path: Path) -> Iterator[EmulatedPico]:
    need_emulator()
    with EmulatedPico(tmp_path / "board", GATEWAY) as running:
        yield running


def run(board: EmulatedPico, code: str) -> str:
    with Prompt.open(board.port) as prompt:
        return prompt.exec(code).strip()


def test_it_runs_the_official_image(board: EmulatedPico) -> None:
    assert run(board, "import sys; print(sys.version)").endswith("MicroPython v1.27.0 on 2025-12-09")


def test_file_survives_a_power_cut_and_memory_does_not(board: EmulatedPico) -> None:
    run(board, "kept = 1\n" + WRITE % "kept")

    board.power_cut()

    assert run(board, "print(open('notes.txt').read(), 'kept' in globals())") == "kept False"


def test_copy_of_the_flash_is_a_board_of_its_own(board: EmulatedPico, tmp_path: Path) -> None:
    run(board, WRITE % "copied")
    (tmp_path / "second").mkdir()
    board.copy_flash(tmp_path / "second/flash.bin")
    run(board, WRITE % "changed")

    with EmulatedPico(tmp_path / "second", GATEWAY) as second:
        assert run(second, "print(open('notes.txt').read())") == "copied"


def test_random_numbers_differ_after_each_start(board: EmulatedPico) -> None:
    first = run(board, RANDOM)

    board.power_cut()

    assert run(board, RANDOM) != first


def test_flash_of_a_board_without_power_is_not_copied(board: EmulatedPico, tmp_path: Path) -> None:
    board.stop()

    with pytest.raises(NoEmulator, match="does not copy its flash"):
        board.copy_flash(tmp_path / "copy")


def test_emulator_ends_when_the_process_that_runs_it_is_killed(tmp_path: Path) -> None:
    need_emulator()
    command = [sys.executable, "-c", OWNER, str(tmp_path / "board"), GATEWAY]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        emulator = Path("/proc", owner.stdout.readline().strip())
        assert emulator.exists()

        owner.send_signal(signal.SIGKILL)

    give_up = time.monotonic() + DEADLINE_S
    while emulator.exists():
        assert time.monotonic() < give_up
        time.sleep(0.05)
