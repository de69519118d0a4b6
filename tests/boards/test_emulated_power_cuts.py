"""The power of an emulated Pico W is cut while it is flashed: its image mounts what is left, all files whole.

The flash is copied again and again while `darvaz flash` runs, and a board starts from each of some copies.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from darvaz.boards.emulated.flashing import FlashResult, flash
from darvaz.boards.flashing.firmware_files import read_deployed
from darvaz.boards.serial import Prompt
from tests.support.emulated import EmulatedPico, need_emulator
from tests.support.examples import TIMES, scaled
from tests.support.gateway import GatewayProcess

DEVICE = "cut-off"
CONFIG, MAIN = "/config.json", "/main.py"
# How many of the states are tried.
STATES = scaled(4)
# Each look copies the whole flash.
PAUSE_S = 0.2 / max(1.0, TIMES)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500), pytest.mark.xdist_group("emulated_power_cuts")]


def flash_and_copy(board: EmulatedPico, gateway: GatewayProcess, folder: Path) -> tuple[FlashResult, list[Path]]:
    """Flashes a board and returns every state of its flash that was seen on the way, oldest first."""
    states: dict[str, Path] = {}
    folder.mkdir()
    with ThreadPoolExecutor(1) as executor:
        flashing = executor.submit(flash, board, DEVICE, gateway.url)
        while not flashing.done():
            path = folder / f"{len(states):04}"
            board.copy_flash(path)
            states.setdefault(hashlib.sha256(path.read_bytes()).hexdigest(), path)
            wait([flashing], PAUSE_S)
        return flashing.result(), list(states.values())


def spread(states: list[Path], count: int) -> list[Path]:
    """Returns `count` of the states, the first and the last among them, and more of the later ones.

    Files get their names at the end.
    """
    last = len(states) - 1
    return [states[round(last * (1 - (1 - at / (count - 1)) ** 3))] for at in range(count)]


def start_from(state: Path, folder: Path, gateway: GatewayProcess) -> EmulatedPico:
    """Returns a board that is off, with a state of the flash."""
    folder.mkdir()
    board = EmulatedPico(folder, gateway.url)
    shutil.copyfile(state, board.flash)
    return board


def whole_files(board: EmulatedPico) -> set[str]:
    """Returns which of our files are there; each must be as it should be."""
    wanted = {path: hashlib.sha256(data).hexdigest() for path, data in read_deployed("pico").files.items()}
    with Prompt.open(board.port) as prompt:
        found = prompt.hash_files(list(wanted))
        if CONFIG in {entry.path for entry in prompt.list_files()}:
            assert json.loads(prompt.read_file(CONFIG))["device"] == DEVICE
    assert {path: digest for path, digest in found.items() if digest is not None and digest != wanted[path]} == {}
    return {path for path, digest in found.items() if digest is not None}


def test_power_cut_at_any_moment_leaves_whole_files_and_a_board_to_flash(tmp_path: Path) -> None:
    need_emulator()
    with GatewayProcess() as gateway:
        with EmulatedPico(tmp_path / "board", gateway.url) as board:
            done, states = flash_and_copy(board, gateway, tmp_path / "states")
        assert done.code == 0, done.err
        assert len(states) > 2 * STATES

        counts = []
        for number, state in enumerate(spread(states, STATES)):
            with start_from(state, tmp_path / str(number), gateway) as board:
                found = whole_files(board)
            # The program comes last.
            assert MAIN not in found or found == read_deployed("pico").files.keys()
            counts.append(len(found))
        print(f"{len(states)} states; of our files there were {counts}")
        assert counts == sorted(counts)

        with start_from(states[len(states) // 2], tmp_path / "again", gateway) as board:
            again = flash(board, DEVICE, gateway.url)
        assert again.code == 0, again.err
