"""Ways to the raw prompt of a board whose program does not want to let go, each within a deadline."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

import serial

from darvaz.boards.serial.errors import Reason, SerialError
from darvaz.boards.serial.serial_port import SerialPort, gone

RAW = b"raw REPL; CTRL-B to exit\r\n"
_CTRL_A, _CTRL_C, _CTRL_D = b"\x01", b"\x03", b"\x04"
# A program that catches one Ctrl-C is still busy with it when the next arrives: that one gets through.
_BURST = 48
_ROUND_S = 0.03
_GENTLE_S = 0.4
_SETTLE_S = 2.0
# What follows on the output of code at the raw prompt.
_DONE = b"\n\x04\x04>"
_REBOOT_S = 4.0
# A boot.py that takes longer is interrupted.
_BOOT_S = 1.5
_HEARD_BYTES_MAX = 65536
_SOFT_REBOOT = b"soft reboot"
# Not the name of the interrupt, which comes after it: the next one may cut a traceback short.
_INTERRUPTED = b"Traceback (most recent"


class RawReplEntry:
    """Takes one wire to the raw prompt; `was_running` tells whether a program had to be interrupted."""

    def __init__(self, wire: SerialPort, path: str) -> None:
        self._wire = wire
        self._path = path
        self._tail = b""
        self.was_running = False

    def ask(self, deadline_s: float) -> bool:
        """Interrupts, gently at first, then by a flood of Ctrl-C; returns whether the raw prompt came."""
        return self._guard(self._ask, deadline_s)

    def reset(self, deadline_s: float) -> bool:
        """Resets through the programmer's lines and floods the start with Ctrl-C; False where there are no lines."""
        return self._guard(self._reset, deadline_s)

    def flood(self, deadline_s: float) -> bool:
        """Sends Ctrl-C as fast as the board takes it, through any number of restarts, until the raw prompt comes."""
        return self._guard(self._flood, deadline_s)

    def start_afresh(self) -> bool:
        """Restarts the interpreter, from the raw prompt to the raw prompt: main.py is not run, boot.py is."""
        return self._guard(self._start_afresh, _REBOOT_S)

    def _guard(self, way: Callable[[float], bool], deadline_s: float) -> bool:
        try:
            return way(deadline_s)
        except serial.SerialTimeoutException:
            return False
        except OSError:
            raise gone(self._path) from None

    def _ask(self, deadline_s: float) -> bool:
        give_up_s = time.monotonic() + deadline_s
        self._wire.write(b"\r" + _CTRL_C * 2)
        self._wire.write(b"\r" + _CTRL_A)
        if self._heard_raw(_GENTLE_S):
            return self._settle()
        return self._flood(give_up_s - time.monotonic())

    def _reset(self, deadline_s: float) -> bool:
        self.was_running = True
        return self._wire.pulse_reset() and self._flood(deadline_s)

    def _flood(self, deadline_s: float) -> bool:
        give_up_s = time.monotonic() + deadline_s
        while time.monotonic() < give_up_s:
            self._wire.write(_CTRL_C * _BURST + _CTRL_A)
            if self._heard_raw(_ROUND_S) and self._settle():
                return True
        return False

    def _heard_raw(self, wait_s: float) -> bool:
        """Reads for at most so long, and returns whether the raw prompt announced itself."""
        give_up_s = time.monotonic() + wait_s
        heard = b""
        while (left_s := give_up_s - time.monotonic()) > 0:
            data = self._wire.read_within(left_s)
            self._note(data)
            heard = (heard + data)[-_HEARD_BYTES_MAX:]
            if RAW in heard:
                return True
        return False

    def _note(self, data: bytes) -> None:
        tail = self._tail + data
        self.was_running = self.was_running or _INTERRUPTED in tail
        self._tail = tail[-len(_INTERRUPTED) :]

    def _settle(self) -> bool:
        """Leaves exactly one prompt to be read, whatever was sent before; False if the board went on meanwhile."""
        # The answer to a question never asked before comes after those to all that was sent: nothing of the flood
        # is on its way any more, to end up in the middle of somebody's code.
        word = secrets.token_hex(4).encode()
        self._wire.write(b"\r" + _CTRL_A + b"print('" + word + b"')" + _CTRL_D)
        if not self._read_to(word, _SETTLE_S) or not self._read_to(_DONE, _SETTLE_S):
            return False
        self._wire.write(_CTRL_A)
        return self._read_to(RAW, _SETTLE_S)

    def _start_afresh(self, wait_s: float) -> bool:
        if not self._read_to(b">", _SETTLE_S):
            return False
        self._wire.write(_CTRL_D)
        return self._read_to(_SOFT_REBOOT, wait_s) and self._read_to(RAW, _BOOT_S)

    def _read_to(self, ending: bytes, wait_s: float) -> bool:
        """Reads up to an ending and not a byte further."""
        give_up_s = time.monotonic() + wait_s
        heard = b""
        while not heard.endswith(ending):
            left_s = give_up_s - time.monotonic()
            if left_s <= 0:
                return False
            if self._wire.wait(left_s):
                byte = self._wire.read(1)
                self._note(byte)
                heard = (heard + byte)[-len(ending) :]
        return True


def no_prompt(path: str) -> SerialError:
    """Returns what to say when no way led to the prompt."""
    return SerialError(
        Reason.NO_PROMPT,
        f"the board at {path} gives no prompt: its program does not let go, or it has no MicroPython."
        f" Try: darvaz rescue --port {path}; if that fails too: darvaz firmware",
    )
