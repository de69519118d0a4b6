"""A board at its raw prompt: runs code on it, resets it, and reads what it prints. Blocking; call it in a thread."""

from __future__ import annotations

import contextlib
import struct
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TypeVar

import msgspec
from mpremote.transport import TransportError

from darvaz.boards.serial.answers import damaged, parse_answer
from darvaz.boards.serial.errors import Reason, SerialError
from darvaz.boards.serial.files import Files
from darvaz.boards.serial.ports import Port, find_port
from darvaz.boards.serial.raw_repl import RawReplEntry, no_prompt
from darvaz.boards.serial.serial_port import REOPEN_S, SerialPort, gone, open_serial_port, reopen_serial_port
from darvaz.boards.serial.transport import EXEC_DEADLINE_S, Transport

INTERRUPT_S = 8.0
RESET_S = 6.0
LINE_BYTES_MAX = 4096
_LEAVE_S = 1.0
_IDLE_S = 2.0
_POLL_S = 0.2
_DRAIN_POLL_S = 0.005
_CTRL_B, _CTRL_C, _CTRL_D = b"\x02", b"\x03", b"\x04"
_FRIENDLY = b">>> "
_RESET = "import machine, time\ntime.sleep_ms(100)\nmachine.reset()"
_T = TypeVar("_T")


class Prompt(Files):
    """An open board, `with Prompt.open("/dev/ttyACM0") as board:`; all of its errors are SerialError.

    Until `soft_reset` or `hard_reset` the board stays at its prompt and its program is stopped; after them, read its
    output with `read_serial_lines`, or return to the prompt with `enter`.
    """

    def __init__(self, port: Port, serial_port: SerialPort) -> None:
        super().__init__(self.exec)
        self.port = port
        # Whether a program had to be interrupted on the way to the prompt.
        self.was_running = False
        self._make = type(serial_port)
        self._serial = serial_port
        self._transport = Transport(port, serial_port)
        self._is_at_prompt = False
        # The last line that `read_serial_lines` has read, as far as it has arrived.
        self._partial_line = b""

    @classmethod
    def open(
        cls, port: Port | str, *, enters: bool = True, resets: bool = True, make: type[SerialPort] = SerialPort
    ) -> Prompt:
        """Opens a port and, with `enters`, a fresh prompt; `resets` allows the programmer's reset lines."""
        found = find_port(port) if isinstance(port, str) else port
        prompt = cls(found, open_serial_port(found, make))
        try:
            if enters:
                prompt.enter(resets=resets)
        except BaseException as error:
            if prompt.was_running and not isinstance(error, SerialError):
                # Ctrl-C before anything was done: the interrupted program starts again.
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
        """Leaves the board at its friendly prompt, if it was at a prompt, and closes the port."""
        with contextlib.suppress(OSError):
            if self._is_at_prompt:
                self._serial.write_timeout = _LEAVE_S
                self._serial.write(b"\r" + _CTRL_C + _CTRL_B)
                self._drain(_LEAVE_S)
        self._is_at_prompt = False
        self._serial.close()

    # The prompt

    def enter(self, *, resets: bool = True, restarts: bool = True, deadline_s: float = INTERRUPT_S) -> None:
        """Goes to the raw prompt: by Ctrl-C, by a flood of Ctrl-C, at last by a reset; raises SerialError.

        `restarts` then restarts the interpreter, which frees its memory and ends timers and threads.
        """
        entry = RawReplEntry(self._serial, self.port.path)
        self.forget_helpers()
        try:
            if not entry.interrupt(deadline_s) and not (resets and entry.reset(RESET_S)):
                raise no_prompt(self.port.path)
            if restarts and not entry.soft_reset() and not entry.interrupt(deadline_s):
                raise no_prompt(self.port.path)
            self._is_at_prompt = True
        finally:
            self.was_running = self.was_running or entry.was_running

    def flood(self, deadline_s: float) -> bool:
        """Sends only Ctrl-C, through any number of restarts; returns whether the raw prompt came."""
        entry = RawReplEntry(self._serial, self.port.path)
        self.forget_helpers()
        self._is_at_prompt = False
        self._is_at_prompt = entry.flood(deadline_s)
        self.was_running = self.was_running or entry.was_running
        return self._is_at_prompt

    def is_idle(self, wait_s: float) -> bool:
        """Returns whether the board shows its friendly prompt after Enter alone."""
        try:
            self._serial.write(b"\r")
            output = b""
            give_up_s = time.monotonic() + _IDLE_S
            while (data := self._serial.read_within(wait_s)) and time.monotonic() < give_up_s:
                output = (output + data)[-LINE_BYTES_MAX:]
        except OSError:
            raise gone(self.port.path) from None
        return output.endswith(_FRIENDLY)

    def reopen(self, deadline_s: float = REOPEN_S) -> None:
        """Opens the port again, which may have another path after the board was reset or replugged."""
        self._serial.close()
        self._is_at_prompt = False
        self.port, self._serial = reopen_serial_port(self.port, deadline_s, self._make)
        self._transport = Transport(self.port, self._serial)

    # Code

    def exec(self, code: str, deadline_s: float = EXEC_DEADLINE_S) -> str:
        """Runs code on the board and returns its output."""
        if not self._is_at_prompt:
            raise SerialError(Reason.NO_PROMPT, f"the board at {self.port.path} is not at its prompt: enter it first")
        try:
            return self._transport.run(code, deadline_s)
        except SerialError as error:
            if error.reason is Reason.SILENT:
                self._is_at_prompt = False
            raise
        except BaseException:
            # Ctrl-C in the middle of an exchange: back to a prompt, so that the caller can clean up.
            self.forget_helpers()
            with contextlib.suppress(SerialError):
                self._is_at_prompt = RawReplEntry(self._serial, self.port.path).interrupt(_LEAVE_S)
            raise

    def start(self, code: str) -> None:
        """Starts code that ends the exchange, such as a reset."""
        self.exec("pass")
        with contextlib.suppress(OSError, TransportError, struct.error):
            self._transport.exec_raw_no_follow(code)
        self._is_at_prompt = False

    def exec_json(
        self,
        expression: str,
        decoder: msgspec.json.Decoder[_T],
        *,
        before: str = "",
        deadline_s: float = EXEC_DEADLINE_S,
    ) -> _T:
        """Returns the value of an expression on the board, decoded; the code in `before` runs first."""
        output = self.exec(f"{before}\nimport json\nprint(json.dumps({expression}))", deadline_s)
        lines = output.strip().splitlines()
        if not lines:
            raise damaged()
        return parse_answer(lines[-1], decoder)

    def type_into(self, talk: Callable[[Transport], None]) -> None:
        """Goes from the raw prompt to the friendly one, and hands the port to `talk`."""
        self._is_at_prompt = False
        self._write(b"\r" + _CTRL_B)
        talk(self._transport)

    def interrupt(self) -> None:
        """Sends Ctrl-C: a program that does not catch it ends with a traceback."""
        self._write(_CTRL_C)

    # Resets

    def soft_reset(self) -> None:
        """Restarts the interpreter: boot.py and main.py run."""
        self._write(b"\r" + _CTRL_C + _CTRL_B + b"\r" + _CTRL_D)
        self._is_at_prompt = False

    def hard_reset(self) -> None:
        """Restarts the board from its prompt, and waits for its port if that vanishes."""
        self.start(_RESET)
        if self.port.is_native_usb:
            self._wait_until_gone()
            self.reopen()

    def press_reset(self) -> bool:
        """Restarts the board through its programmer's reset lines; returns False if it has none."""
        self._is_at_prompt = False
        return self.port.is_programmer and self._serial.pulse_reset()

    def _wait_until_gone(self) -> None:
        give_up_s = time.monotonic() + 2.0
        with contextlib.suppress(OSError):
            while time.monotonic() < give_up_s:
                self._serial.read_within(_POLL_S)

    # Its output

    def read_serial_lines(self, deadline_s: float | None = None) -> Iterator[str]:
        """Yields the lines that the board prints until the deadline; a port that vanishes is opened again."""
        give_up_s = time.monotonic() + deadline_s if deadline_s is not None else None
        while give_up_s is None or time.monotonic() < give_up_s:
            try:
                data = self._serial.read_within(_POLL_S)
            except OSError:
                self.reopen()
                continue
            *lines, self._partial_line = (self._partial_line + data).split(b"\n")
            if len(self._partial_line) > LINE_BYTES_MAX:
                lines, self._partial_line = [*lines, self._partial_line], b""
            for line in lines:
                yield line.decode(errors="replace").rstrip("\r")

    def _drain(self, deadline_s: float) -> None:
        """Waits until the system has sent what was written; `flush` would wait forever for a board that hangs."""
        give_up_s = time.monotonic() + deadline_s
        while self._serial.out_waiting and time.monotonic() < give_up_s:
            time.sleep(_DRAIN_POLL_S)

    def _write(self, data: bytes) -> None:
        try:
            self._serial.write(data)
        except OSError:
            raise gone(self.port.path) from None
