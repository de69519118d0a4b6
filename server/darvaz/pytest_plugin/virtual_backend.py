"""The virtual board of a test, in a thread with an event loop of its own."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from darvaz.boards.parts import PartFailure
from darvaz.boards.serial import Prompt, SerialError
from darvaz.boards.virtual import VirtualBoard
from darvaz.boards.virtual.firmware import write_flash
from darvaz.boards.virtual.hardware import Hardware
from darvaz.boards.virtual.micropython import NoMicroPython
from darvaz.boards.virtual.pictures import NoPictures
from darvaz.pytest_plugin.errors import BenchError, BoardError
from darvaz.pytest_plugin.program import board_files
from darvaz.pytest_plugin.serial_backend import LINES_MAX, run_code
from darvaz.pytest_plugin.wiring import Wiring

DEADLINE_S = 30.0
_Result = TypeVar("_Result")


class VirtualBackend:
    """Runs our firmware of a kind, replaced in part by the files of `program`, until `close`."""

    def __init__(self, kind: str, device: str, program: Path | None, wiring: Wiring) -> None:
        self.kind = kind
        self.device = device
        self._program = program
        self._wiring = wiring
        self._folder = tempfile.TemporaryDirectory(prefix="darvaz-pytest-board-", ignore_cleanup_errors=True)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="virtual board", daemon=True)
        self._board: VirtualBoard | None = None
        # The newest lines of the serial port, written by the board's thread.
        self._lines: deque[str] = deque(maxlen=LINES_MAX)
        self._is_at_prompt = False

    @property
    def hardware(self) -> Hardware:
        """Its simulated pins, radio and camera."""
        return self._running.hardware

    @property
    def port(self) -> str:
        """Its serial port."""
        return self._running.port

    def start(self, gateway: str, token: str | None) -> None:
        """Writes its flash and switches it on; `gateway` is the address that it connects to."""
        flash = Path(self._folder.name) / "flash"
        write_flash(flash, self.kind, self.device, gateway, token, log_level="debug")
        if self._program is not None:
            for path, file in board_files(self._program).items():
                target = flash / path.lstrip("/")
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)
        self._thread.start()
        board = self._do(lambda: VirtualBoard(self.kind, flash, name=self.device, on_line=self._add_line))
        board.hardware.jumpers.update({str(wire.end): str(wire.start) for wire in self._wiring.jumper})
        try:
            self._wait(board.start())
        except (NoMicroPython, NoPictures) as error:
            raise BenchError(str(error)) from None
        self._board = board

    def reset(self) -> None:
        """Presses its reset button."""
        self._is_at_prompt = False
        self._do(self._running.reset)

    def power_cycle(self) -> None:
        """Switches its power off and on."""
        self._is_at_prompt = False
        self._do(self._running.power_cut)

    def exec(self, code: str, timeout_s: float) -> str:
        """Ends its program, runs code at its prompt and returns what that printed."""
        __tracebackhide__ = True
        self._is_at_prompt = True
        try:
            with Prompt.open(self.port, enters=False) as prompt:
                return run_code(prompt, code, timeout_s)
        except SerialError as error:
            raise BoardError(str(error)) from None

    def interrupt(self) -> None:
        """Presses Ctrl-C on its serial port."""
        self._do(lambda: self._running.type(b"\x03"))

    def serial_lines(self) -> list[str]:
        """Returns what it printed since the last `clear_serial`."""
        return list(self._lines)

    def clear_serial(self) -> None:
        """Drops what it printed."""
        self._lines.clear()

    def take_part_failures(self) -> list[PartFailure]:
        """Returns and forgets what went wrong in the parts of the test."""
        return self._running.hardware.part_failures.take()

    def close(self) -> None:
        """Switches it off, and deletes its files."""
        if self._thread.is_alive():
            with contextlib.suppress(TimeoutError):
                if self._board is not None:
                    self._wait(self._board.stop())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(DEADLINE_S)
        if not self._loop.is_running():
            self._loop.close()
        self._folder.cleanup()

    def _add_line(self, line: str) -> None:
        # At the prompt, the serial port carries our own commands.
        if not self._is_at_prompt:
            self._lines.append(line)

    @property
    def _running(self) -> VirtualBoard:
        if self._board is None:
            raise BenchError("the virtual board has no power")
        return self._board

    def _do(self, action: Callable[[], _Result]) -> _Result:
        async def do() -> _Result:
            return action()

        return self._wait(do())

    def _wait(self, result: Awaitable[_Result]) -> _Result:
        async def wait() -> _Result:
            async with asyncio.timeout(DEADLINE_S):
                return await result

        return asyncio.run_coroutine_threadsafe(wait(), self._loop).result(DEADLINE_S + 1)
