"""The emulated Pico W of a test: our firmware, flashed as on a real one, then used through its serial port."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from darvaz.boards.emulated import EmulatedPico, NoEmulator
from darvaz.boards.emulated.flashing import flash
from darvaz.boards.serial import SerialError
from darvaz.pytest_plugin.errors import BenchError, BoardError
from darvaz.pytest_plugin.serial_backend import SerialBackend

DEVICE = "emulated-pico"


@contextlib.contextmanager
def emulated_board(gateway: str, keep: Path | None = None) -> Iterator[EmulatedPico]:
    """Runs a board with our firmware, online at a gateway; raises `BenchError` with why not.

    It begins with the flash that an earlier run has kept in the folder `keep`, of which only what changed is copied.
    """
    with tempfile.TemporaryDirectory(prefix="darvaz-pytest-board-", ignore_cleanup_errors=True) as folder:
        board = EmulatedPico(Path(folder), gateway)
        if keep is not None and (keep / board.flash.name).exists():
            shutil.copyfile(keep / board.flash.name, board.flash)
        try:
            board.start()
        except NoEmulator as error:
            raise BenchError(str(error)) from None
        try:
            done = flash(board, DEVICE, gateway)
            if done.code != 0:
                raise BenchError(f"darvaz flash on the emulated Pico W: {done.err.strip() or done.out.strip()}")
            if keep is not None:
                # Now: what tests do to the board is not for the next run.
                keep.mkdir(parents=True, exist_ok=True)
                board.copy_flash(keep.resolve() / board.flash.name)
            yield board
        finally:
            board.stop()


class EmulatedBackend(SerialBackend):
    """A board at a serial port, of which we also have the power switch; its program, just flashed, may go on."""

    def __init__(self, board: EmulatedPico, *, is_running: bool) -> None:
        self._board = board
        super().__init__(board.port, None, DEVICE if is_running else None)

    def power_cycle(self) -> None:
        """Switches its power off and on."""
        self._stop_reader()
        try:
            self._board.power_cut()
            self._prompt.reopen()
        except (NoEmulator, SerialError) as error:
            raise BoardError(str(error)) from None
        self._is_at_prompt = False
        self._start_reader()
