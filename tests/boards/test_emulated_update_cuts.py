"""The power of an emulated Pico W is cut at states of its flash during updates: it always starts a whole program.

MicroPython's official image lives the life of a board with updates, and what each write and erasure changes is
recorded. A state of the flash is all of these up to one, and once more with that one torn: half of it done. Boards
start from states all over the life; from some of them the writes of that start are cut as well, and another update is
taken. `DARVAZ_EXAMPLES=20` starts from twenty times as many.
"""

from __future__ import annotations

import runpy
import shutil
import struct
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from darvaz.boards.compiled_library import compile_file
from darvaz.boards.flashing.firmware_files import read_deployed
from darvaz.boards.serial import Prompt
from tests.support.emulated import EmulatedPico, need_emulator
from tests.support.examples import TIMES, scaled
from tests.support.littlefs import put_files_on_pico
from tests.support.micropython import ON_BOARD

LIFE = ON_BOARD / "programs/update_life.py"
# What is started and updated here needs no gateway.
NOWHERE = "http://127.0.0.1:9"
DEADLINE_S = 120.0
STATES = scaled(24)
# Of how many starts one is cut itself, and from how many states another update is taken.
AGAIN_EVERY, UPDATES = 4, scaled(2)
STATES_LEAST = 700
HEAP_BYTES_MAX = 8192

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600 * max(1.0, TIMES)),
    pytest.mark.xdist_group("emulated_power_cuts"),
]


@dataclass(frozen=True)
class Write:
    """What one write or erasure changed in the flash."""

    at: int
    data: bytes

    def apply(self, flash: bytearray, *, is_torn: bool = False) -> None:
        data = self.data[: len(self.data) // 2] if is_torn else self.data
        flash[self.at : self.at + len(data)] = data


@dataclass(frozen=True)
class State:
    """A state of the flash, and the programs of which one must start from it."""

    flash: bytes
    allowed: frozenset[str]


@dataclass(frozen=True)
class States:
    """All states of a flash on the way of some writes, each of them whole and torn; made when asked for."""

    first: bytes
    writes: Sequence[Write]
    # Up to which write, and which programs may run until then.
    moments: Sequence[tuple[int, frozenset[str]]]

    def __len__(self) -> int:
        return 2 * len(self.writes)

    def at(self, number: int) -> State:
        flash, last = bytearray(self.first), number // 2
        for write in self.writes[:last]:
            write.apply(flash)
        self.writes[last].apply(flash, is_torn=number % 2 == 0)
        return State(bytes(flash), next(names for count, names in self.moments if last < count))

    def spread(self, count: int) -> Iterator[State]:
        """Yields this number of them, all over the way."""
        step = max(1.0, len(self) / max(1, count))
        return (self.at(int(number * step)) for number in range(min(count, len(self))))


class RecordedPico:
    """An emulated board in a folder, whose power comes and goes, with all that changed in its flash."""

    def __init__(self, folder: Path, flash: bytes = b"") -> None:
        folder.mkdir()
        self._record = folder / "record"
        self._is_over = threading.Event()
        self.board = EmulatedPico(folder, NOWHERE, on_line=self._look, record=self._record)
        self.board.flash.write_bytes(flash)

    def __enter__(self) -> RecordedPico:
        return self

    def __exit__(self, *error: object) -> None:
        self.board.stop()

    def _look(self, line: str) -> None:
        # What the prompt begins with.
        if line.startswith("MicroPython v"):
            self._is_over.set()

    def exec(self, code: str) -> str:
        """Runs code beside what is loaded; returns what it printed."""
        with Prompt.open(self.board.port, enters=False) as prompt:
            prompt.enter(resets=False, restarts=False)
            return prompt.exec("from update_life import *\n" + code, DEADLINE_S).strip()

    def boot(self) -> str:
        """Cuts the power, starts the board, and returns the program that ran; fails where it is not whole."""
        self.board.stop()
        self._is_over.clear()
        self.board.start()
        assert self._is_over.wait(DEADLINE_S), list(self.board.lines)
        return self.exec("print(whole())")

    @property
    def writes(self) -> list[Write]:
        data, at, found = self._record.read_bytes(), 0, []
        while at < len(data):
            address, size_bytes = struct.unpack_from("<II", data, at)
            at += 8
            found.append(Write(address, data[at : at + size_bytes]))
            at += size_bytes
        return found


def install(board: EmulatedPico) -> None:
    """Writes the library, the loader and the life of a board to an empty flash, and leaves the board without power."""
    files = dict(read_deployed("pico").files)
    files["/lib/update_life.mpy"] = compile_file("update_life.py", LIFE.read_bytes())
    files.update(runpy.run_path(str(LIFE))["ROOT"])
    with board:
        pass
    put_files_on_pico(board.flash, files)


def live(folder: Path) -> States:
    """Lives the life of a board, and returns the states that its flash had on the way."""
    with RecordedPico(folder) as pico:
        install(pico.board)
        before, first = len(pico.writes), pico.board.flash.read_bytes()
        assert pico.boot() == "root"
        allowed, moments = frozenset(("root",)), []
        for step, after in runpy.run_path(str(LIFE))["LIFE"]:
            if step == "boot()":
                assert pico.boot() in after
            else:
                pico.exec(step)
            moments.append((len(pico.writes) - before, allowed | set(after)))
            allowed = frozenset(after)
        return States(first, pico.writes[before:], moments)


def start_from(state: State, folder: Path) -> States:
    """Starts a board from a state, and returns the states on the way to its prompt."""
    with RecordedPico(folder, state.flash) as pico:
        running = pico.boot()
        assert running in state.allowed
        writes = pico.writes
    shutil.rmtree(folder)
    return States(state.flash, writes, [(len(writes), state.allowed)])


def update_from(state: State, folder: Path) -> None:
    """Whatever a power cut left, a board that has no release on trial takes another update."""
    with RecordedPico(folder, state.flash) as pico:
        pico.boot()
        if pico.exec("print(__import__('darvaz_loader').read().get('state'))") != "trial":
            pico.exec("deliver(release(9), 9)")
            assert pico.boot() == "release 9"
    shutil.rmtree(folder)


def heap_of_an_update(flash: bytes, folder: Path) -> int:
    """Returns the most bytes that an update holds of the heap of the official image, a packet of 1 KB included."""
    with RecordedPico(folder, flash) as pico:
        pico.boot()
        return int(pico.exec("print(heap_of_an_update())"))


def test_power_cut_at_any_flash_state_of_an_update_leaves_a_whole_program(tmp_path: Path) -> None:
    need_emulator()
    states = live(tmp_path / "life")
    assert len(states) >= STATES_LEAST
    held_bytes = heap_of_an_update(states.first, tmp_path / "heap")
    print(f"an update holds {held_bytes} bytes of the heap")
    assert held_bytes <= HEAP_BYTES_MAX

    tried = own = 0
    for state in states.spread(STATES):
        start = start_from(state, tmp_path / "board")
        tried += 1
        for torn in start.spread(1 if tried % AGAIN_EVERY == 0 else 0):
            start_from(torn, tmp_path / "board")
            own += 1
    for state in states.spread(UPDATES):
        update_from(state, tmp_path / "board")

    print(f"{tried} of {len(states)} states, and {own} of the starts themselves: a whole program from each")
