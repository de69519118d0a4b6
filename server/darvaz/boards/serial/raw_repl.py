"""Enters the raw prompt of a board while its program runs, within a deadline.

The protocol: https://docs.micropython.org/en/latest/reference/repl.html, "Raw mode and raw-paste mode".
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

import serial

from darvaz.boards.serial.errors import Reason, SerialError
from darvaz.boards.serial.serial_port import SerialPort, gone

RAW = b"raw REPL; CTRL-B to exit\r\n"
_CTRL_A, _CTRL_C, _CTRL_D = b"\x01", b"\x03", b"\x04"
# Many Ctrl-C at once: a program that catches one is still handling it when the next arrives, and ends by that.
_BURST = 48
_ROUND_S = 0.03
_INTERRUPT_S = 0.4
_SYNCHRONISE_S = 2.0
# What the raw prompt prints after the output of code.
_DONE = b"\n\x04\x04>"
_REBOOT_S = 4.0
# A boot.py that takes longer is interrupted.
_BOOT_S = 1.5
_OUTPUT_BYTES_MAX = 65536
_SOFT_REBOOT = b"soft reboot"
# Not "KeyboardInterrupt", the end of a traceback: the next Ctrl-C may cut that off.
_INTERRUPTED = b"Traceback (most recent"


class RawReplEntry:
    """Brings the board at one serial port to the raw prompt."""

    def __init__(self, serial_port: SerialPort, path: str) -> None:
        self._serial = serial_port
        self._path = path
        # The end of the output so far, as long as the text to look for.
        self._tail = b""
        # Whether a program had to be interrupted.
        self.was_running = False

    def interrupt(self, deadline_s: float) -> bool:
        """Sends two Ctrl-C, then a flood of them; returns whether the raw prompt came."""
        return self._guard(self._interrupt, deadline_s)

    def reset(self, deadline_s: float) -> bool:
        """Resets through the programmer's lines and floods the start with Ctrl-C; returns False if it has no lines."""
        return self._guard(self._reset, deadline_s)

    def flood(self, deadline_s: float) -> bool:
        """Sends Ctrl-C as fast as the board takes it, through any number of restarts, until the raw prompt comes."""
        return self._guard(self._flood, deadline_s)

    def soft_reset(self) -> bool:
        """Restarts the interpreter, from the raw prompt to the raw prompt: main.py is not run, boot.py is."""
        return self._guard(self._soft_reset, _REBOOT_S)

    def _guard(self, attempt: Callable[[float], bool], deadline_s: float) -> bool:
        try:
            return attempt(deadline_s)
        except serial.SerialTimeoutException:
            return False
        except OSError:
            raise gone(self._path) from None

    def _interrupt(self, deadline_s: float) -> bool:
        give_up_s = time.monotonic() + deadline_s
        self._serial.write(b"\r" + _CTRL_C * 2)
        self._serial.write(b"\r" + _CTRL_A)
        if self._saw_raw_prompt(_INTERRUPT_S):
            return self._synchronise()
        return self._flood(give_up_s - time.monotonic())

    def _reset(self, deadline_s: float) -> bool:
        self.was_running = True
        return self._serial.pulse_reset() and self._flood(deadline_s)

    def _flood(self, deadline_s: float) -> bool:
        give_up_s = time.monotonic() + deadline_s
        while time.monotonic() < give_up_s:
            self._serial.write(_CTRL_C * _BURST + _CTRL_A)
            if self._saw_raw_prompt(_ROUND_S) and self._synchronise():
                return True
        return False

    def _saw_raw_prompt(self, wait_s: float) -> bool:
        """Reads for `wait_s` at most and returns whether the raw prompt announced itself."""
        give_up_s = time.monotonic() + wait_s
        output = b""
        while (left_s := give_up_s - time.monotonic()) > 0:
            data = self._serial.read_within(left_s)
            self._note(data)
            output = (output + data)[-_OUTPUT_BYTES_MAX:]
            if RAW in output:
                return True
        return False

    def _note(self, data: bytes) -> None:
        tail = self._tail + data
        self.was_running = self.was_running or _INTERRUPTED in tail
        self._tail = tail[-len(_INTERRUPTED) :]

    def _synchronise(self) -> bool:
        """Leaves exactly one prompt to be read, whatever was sent before; False if the board restarted meanwhile."""
        # Print a random word and wait for it: everything sent earlier, such as the flood of Ctrl-C, is handled then and
        # cannot interrupt the next code.
        word = secrets.token_hex(4).encode()
        self._serial.write(b"\r" + _CTRL_A + b"print('" + word + b"')" + _CTRL_D)
        if not self._read_to(word, _SYNCHRONISE_S) or not self._read_to(_DONE, _SYNCHRONISE_S):
            return False
        self._serial.write(_CTRL_A)
        return self._read_to(RAW, _SYNCHRONISE_S)

    def _soft_reset(self, wait_s: float) -> bool:
        if not self._read_to(b">", _SYNCHRONISE_S):
            return False
        self._serial.write(_CTRL_D)
        return self._read_to(_SOFT_REBOOT, wait_s) and self._read_to(RAW, _BOOT_S)

    def _read_to(self, ending: bytes, wait_s: float) -> bool:
        """Reads up to an ending and not a byte further."""
        give_up_s = time.monotonic() + wait_s
        output = b""
        while not output.endswith(ending):
            left_s = give_up_s - time.monotonic()
            if left_s <= 0:
                return False
            if self._serial.wait(left_s):
                data = self._serial.read_to(ending[-1:])
                self._note(data)
                output = (output + data)[-len(ending) :]
        return True


def no_prompt(path: str) -> SerialError:
    """Returns the error for a board whose prompt could not be reached."""
    return SerialError(
        Reason.NO_PROMPT,
        f"the board at {path} gives no prompt: its program ignores Ctrl-C, or it has no MicroPython."
        f" Try: darvaz rescue --port {path}; if that fails too: darvaz firmware",
    )
