"""A board at its raw prompt: runs code on it, resets it, and reads what it says. Blocking; call it in a thread."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

from mpremote.transport import TransportError

from darvaz.boards.serial.errors import Reason, SerialError
from darvaz.boards.serial.files import Files
from darvaz.boards.serial.ports import Port, find_port
from darvaz.boards.serial.raw_repl import RawReplEntry, no_prompt
from darvaz.boards.serial.serial_port import REOPEN_S, SerialPort, gone, open_serial_port, reopen_serial_port
from darvaz.boards.serial.transport import EXEC_DEADLINE_S, Transport

ASK_S = 8.0
RESET_S = 6.0
LINE_BYTES_MAX = 4096
_LEAVE_S = 1.0
_IDLE_S = 2.0
_LOOK_S = 0.2
_CTRL_B, _CTRL_C, _CTRL_D = b"\x02", b"\x03", b"\x04"
_FRIENDLY = b">>> "
_RESET = "import machine, time\ntime.sleep_ms(100)\nmachine.reset()"


class Prompt(Files):
    """An open board, `with Prompt.open("/dev/ttyACM0") as board:`; all of its errors are SerialError.

    Until `soft_reset` or `hard_reset` the board stays at its prompt and its program stopped; after them, read what
    it says with `read_serial_lines`, or go back with `enter`.
    """

    def __init__(self, port: Port, wire: SerialPort) -> None:
        super().__init__(self.exec)
        self.port = port
        self.was_running = False
        self._make = type(wire)
        self._wire = wire
        self._transport = Transport(port, wire)
        self._is_at_prompt = False
        self._heard = b""

    @classmethod
    def open(
        cls, port: Port | str, *, enters: bool = True, resets: bool = True, make: type[SerialPort] = SerialPort
    ) -> Prompt:
        """Opens a port and, unless told not to, goes to its prompt, afresh; `resets` allows the programmer's lines."""
        found = find_port(port) if isinstance(port, str) else port
        prompt = cls(found, open_serial_port(found, make))
        try:
            if enters:
                prompt.enter(resets=resets)
        except BaseException as error:
            if prompt.was_running and not isinstance(error, SerialError):
                # Ctrl-C before anything was done: what was interrupted goes on.
                with contextlib.suppress(SerialError):
                    prompt.soft_reset()
            prompt.close()
            raise
        return prompt

    def __enter__(self) -> Prompt:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leaves the board at its friendly prompt, if it was at one, and gives the port back."""
        with contextlib.suppress(OSError):
            if self._is_at_prompt:
                self._wire.write_timeout = _LEAVE_S
                self._wire.write(b"\r" + _CTRL_C + _CTRL_B)
                self._wire.flush()
        self._is_at_prompt = False
        self._wire.close()

    # The prompt

    def enter(self, *, resets: bool = True, afresh: bool = True, deadline_s: float = ASK_S) -> None:
        """Goes to the raw prompt: by asking, by a flood of Ctrl-C, at last by a reset; raises SerialError.

        `afresh` restarts the interpreter there, which frees its memory and ends what ran beside the program.
        """
        entry = RawReplEntry(self._wire, self.port.path)
        try:
            if not entry.ask(deadline_s) and not (resets and entry.reset(RESET_S)):
                raise no_prompt(self.port.path)
            if afresh and not entry.start_afresh() and not entry.ask(deadline_s):
                raise no_prompt(self.port.path)
            self._is_at_prompt = True
        finally:
            self.was_running = self.was_running or entry.was_running

    def flood(self, deadline_s: float) -> bool:
        """Sends nothing but Ctrl-C, through any number of restarts; returns whether the raw prompt came."""
        entry = RawReplEntry(self._wire, self.port.path)
        self._is_at_prompt = False
        self._is_at_prompt = entry.flood(deadline_s)
        self.was_running = self.was_running or entry.was_running
        return self._is_at_prompt

    def is_idle(self, wait_s: float) -> bool:
        """Returns whether the board shows its friendly prompt when asked by nothing but Enter."""
        try:
            self._wire.write(b"\r")
            heard = b""
            give_up_s = time.monotonic() + _IDLE_S
            while (data := self._wire.read_within(wait_s)) and time.monotonic() < give_up_s:
                heard = (heard + data)[-LINE_BYTES_MAX:]
        except OSError:
            raise gone(self.port.path) from None
        return heard.endswith(_FRIENDLY)

    def reopen(self, deadline_s: float = REOPEN_S) -> None:
        """Opens the port again, wherever the board is after it was reset or replugged."""
        self._wire.close()
        self._is_at_prompt = False
        self.port, self._wire = reopen_serial_port(self.port, deadline_s, self._make)
        self._transport = Transport(self.port, self._wire)

    # Code

    def exec(self, code: str, deadline_s: float = EXEC_DEADLINE_S) -> str:
        """Runs code on the board and returns what it prints."""
        if not self._is_at_prompt:
            raise SerialError(Reason.NO_PROMPT, f"the board at {self.port.path} is not at its prompt: enter it first")
        try:
            return self._transport.run(code, deadline_s)
        except SerialError as error:
            if error.reason is Reason.SILENT:
                self._is_at_prompt = False
            raise
        except BaseException:
            # Ctrl-C in the middle of an exchange: back to a prompt, so that something can be cleaned up.
            with contextlib.suppress(SerialError):
                self._is_at_prompt = RawReplEntry(self._wire, self.port.path).ask(_LEAVE_S)
            raise

    def start(self, code: str) -> None:
        """Starts code that ends this conversation, such as a reset."""
        self.exec("pass")
        with contextlib.suppress(OSError, TransportError):
            self._transport.exec_raw_no_follow(code)
        self._is_at_prompt = False

    def exec_json(self, expression: str, *, before: str = "", deadline_s: float = EXEC_DEADLINE_S) -> Any:
        """Returns the value of an expression on the board, after some code; it must be of JSON's types."""
        said = self.exec(f"{before}\nimport json\nprint(json.dumps({expression}))", deadline_s)
        try:
            return json.loads(said.strip().splitlines()[-1])
        except (ValueError, IndexError):
            raise SerialError(
                Reason.DAMAGED, f"what the board answered is damaged ({said[-80:]!r}): run this again"
            ) from None

    def type_into(self, talk: Callable[[Transport], None]) -> None:
        """Leaves the raw prompt for the friendly one, and lets `talk` have the port for a person."""
        self._is_at_prompt = False
        self._write(b"\r" + _CTRL_B)
        talk(self._transport)

    def interrupt(self) -> None:
        """Presses Ctrl-C: a program that listens ends, and says where it was."""
        self._write(_CTRL_C)

    # Resets

    def soft_reset(self) -> None:
        """Restarts the interpreter: boot.py and main.py run."""
        self._write(b"\r" + _CTRL_C + _CTRL_B + b"\r" + _CTRL_D)
        self._is_at_prompt = False

    def hard_reset(self) -> None:
        """Restarts the board from its prompt, and waits for its port where that goes away."""
        self.start(_RESET)
        if self.port.is_native_usb:
            self._await_departure()
            self.reopen()

    def press_reset(self) -> bool:
        """Restarts the board through its programmer's lines, whatever it does; False where it has none."""
        self._is_at_prompt = False
        return self.port.is_programmer and self._wire.pulse_reset()

    def _await_departure(self) -> None:
        give_up_s = time.monotonic() + 2.0
        with contextlib.suppress(OSError):
            while time.monotonic() < give_up_s:
                self._wire.read_within(_LOOK_S)

    # What it says

    def read_serial_lines(self, deadline_s: float | None = None) -> Iterator[str]:
        """Yields what the board says, line by line, until the deadline; a port that vanishes is opened again."""
        give_up_s = time.monotonic() + deadline_s if deadline_s is not None else None
        while give_up_s is None or time.monotonic() < give_up_s:
            try:
                data = self._wire.read_within(_LOOK_S)
            except OSError:
                self.reopen()
                continue
            *lines, self._heard = (self._heard + data).split(b"\n")
            if len(self._heard) > LINE_BYTES_MAX:
                lines, self._heard = [*lines, self._heard], b""
            for line in lines:
                yield line.decode(errors="replace").rstrip("\r")

    def _write(self, data: bytes) -> None:
        try:
            self._wire.write(data)
        except OSError:
            raise gone(self.port.path) from None
