"""The board of a test on a serial port: its prompt, its resets, and what it prints."""

from __future__ import annotations

import contextlib
import shlex
import subprocess
import threading
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from darvaz.boards.parts import PartFailure
from darvaz.boards.serial import Identity, Prompt, SerialError, find_port, identify
from darvaz.pytest_plugin.errors import BenchError, BoardError, ExecFailed, skip
from darvaz.pytest_plugin.program import install
from darvaz.pytest_plugin.wiring import Power

if TYPE_CHECKING:
    # A virtual board needs Linux, a real one does not.
    from darvaz.boards.virtual.hardware import Hardware

LINES_MAX = 2000
POWER_DEADLINE_S = 60.0
_READ_S = 0.2
_JOIN_DEADLINE_S = 20.0
# As firmware/lib/darvaz/device.py finds its id; without a name there, kind and number make one.
_NAME = """
import json
try:
    _n = json.load(open('/config.json')).get('device') or ''
except OSError:
    _n = None
"""
_TEXT = msgspec.json.Decoder(str | None)


def find_path(wanted: str) -> str:
    """Returns the port that `auto`, a path, or `id:…` means; raises `BenchError`."""
    try:
        found = find_port(wanted)
        # A link stays right when the board gets another path.
        return found.link or found.path
    except SerialError as error:
        raise BenchError(f"--board={wanted}: {error}") from None


def run_code(prompt: Prompt, code: str, timeout_s: float) -> str:
    """Ends the program, keeps its names, and returns what code prints; raises `ExecFailed` with its traceback."""
    __tracebackhide__ = True
    try:
        prompt.enter(resets=False, restarts=False)
        # The terminal's line ends are of no use to a test.
        return prompt.exec(code, timeout_s).replace("\r\n", "\n")
    except SerialError as error:
        if error.traceback:
            raise ExecFailed(error.traceback.replace("\r\n", "\n").strip()) from None
        raise BoardError(str(error)) from None


class SerialBackend:
    """Keeps a port open until `close`, and reads it while the board's program runs.

    A program that is known, by the id of its `device`, goes on; another is ended to ask for it.
    """

    def __init__(self, path: str, power: Power | None, device: str | None = None) -> None:
        self._power = power
        # The newest lines of the serial port, written by the reader's thread.
        self._lines: deque[str] = deque(maxlen=LINES_MAX)
        # Reads the port while the program runs; None while we use the prompt.
        self._reader: threading.Thread | None = None
        self._is_reader_over = threading.Event()
        try:
            self._prompt = Prompt.open(path, enters=False)
        except SerialError as error:
            raise BenchError(str(error)) from None
        self._is_at_prompt = False
        if device is not None:
            self.device = device
            self._start_reader()
            return
        try:
            self.device = self._identify()
        except BaseException:
            self._prompt.close()
            raise

    def install(self, folder: Path) -> None:
        """Puts a maker's program on it; it starts with the next reset."""
        try:
            install(self._prompt, folder)
        except SerialError as error:
            raise BenchError(str(error)) from None

    @property
    def hardware(self) -> Hardware:
        """Skips the test: only a virtual board has simulated hardware."""
        __tracebackhide__ = True
        skip("only a virtual board has simulated hardware (--board virtual)")

    def reset(self) -> None:
        """Restarts it through its programmer's lines, or from its prompt."""
        __tracebackhide__ = True
        self._stop_reader()
        try:
            if self._is_at_prompt or not self._prompt.press_reset():
                self._prompt.enter(resets=False, restarts=False)
                self._prompt.hard_reset()
        except SerialError as error:
            raise BoardError(str(error)) from None
        self._is_at_prompt = False
        self._start_reader()

    def power_cycle(self) -> None:
        """Runs the bench's command that switches the power; on a bench without one the test is skipped."""
        __tracebackhide__ = True
        if self._power is None:
            skip("this bench has no switch for the board's power: add [power] to the wiring file (--board-wiring)")
        self._stop_reader()
        _run(self._power.cycle)
        try:
            self._prompt.reopen()
        except SerialError as error:
            raise BoardError(str(error)) from None
        self._is_at_prompt = False
        self._start_reader()

    def exec(self, code: str, timeout_s: float) -> str:
        """Ends its program, runs code at its prompt and returns what that printed."""
        __tracebackhide__ = True
        self._stop_reader()
        self._is_at_prompt = True
        return run_code(self._prompt, code, timeout_s)

    def interrupt(self) -> None:
        """Presses Ctrl-C; the reader gets what the board prints."""
        try:
            self._prompt.interrupt()
        except SerialError as error:
            raise BoardError(str(error)) from None

    def serial_lines(self) -> list[str]:
        """Returns what it printed since the last `clear_serial`."""
        return list(self._lines)

    def clear_serial(self) -> None:
        """Drops what it printed."""
        self._lines.clear()

    def take_part_failures(self) -> list[PartFailure]:
        """Returns nothing."""
        return []

    def close(self) -> None:
        """Starts its program again if a test left it at the prompt, and closes the port."""
        self._stop_reader()
        if self._is_at_prompt:
            with contextlib.suppress(SerialError):
                self._prompt.hard_reset()
        self._prompt.close()

    def _identify(self) -> str:
        """Returns the id of its program; this ends the program, and a reset starts it again."""
        try:
            self._prompt.enter(resets=True, restarts=False)
            self._is_at_prompt = True
            identity = identify(self._prompt)
            name = self._prompt.exec_json("_n", _TEXT, before=_NAME)
        except SerialError as error:
            raise BenchError(str(error)) from None
        if name is None:
            raise BenchError(_not_flashed(self._prompt.port.path, identity))
        return name or f"{identity.kind}-{identity.unique_id[-6:]}"

    def _start_reader(self) -> None:
        self._is_reader_over.clear()
        self._reader = threading.Thread(target=self._read_lines, name="serial port", daemon=True)
        self._reader.start()

    def _stop_reader(self) -> None:
        self._is_reader_over.set()
        if self._reader is not None:
            self._reader.join(_JOIN_DEADLINE_S)
            self._reader = None

    def _read_lines(self) -> None:
        # After an unplug nothing arrives; the tests fail by what they miss.
        with contextlib.suppress(SerialError, OSError):
            while not self._is_reader_over.is_set():
                self._lines.extend(self._prompt.read_serial_lines(_READ_S))


def _not_flashed(path: str, identity: Identity) -> str:
    return (
        f"the board at {path} ({identity}) has no /config.json: install the firmware first, with `darvaz flash`"
        " or --board-flash"
    )


def _run(command: str) -> None:
    __tracebackhide__ = True
    try:
        done = subprocess.run(shlex.split(command), capture_output=True, text=True, timeout=POWER_DEADLINE_S)
    except OSError as error:
        raise BenchError(f"[power] cycle of the wiring file, {command!r}: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise BenchError(f"[power] cycle of the wiring file, {command!r}: not done in {POWER_DEADLINE_S:g} s") from None
    if done.returncode != 0:
        raise BenchError(f"[power] cycle of the wiring file, {command!r}: {(done.stderr or done.stdout).strip()}")
