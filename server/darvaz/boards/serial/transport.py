"""mpremote's transport on our serial port: runs code at the raw prompt, with limits of time and of output."""

from __future__ import annotations

import re
import struct
import time
from collections.abc import Callable

import serial
from mpremote.transport import TransportError
from mpremote.transport_serial import SerialTransport

from darvaz.boards.serial.errors import Reason, SerialError
from darvaz.boards.serial.ports import Port
from darvaz.boards.serial.serial_port import SerialPort, gone

EXEC_DEADLINE_S = 15.0
OUTPUT_BYTES_MAX = 16 * 1024 * 1024
_END, _WINDOW = b"\x04", b"\x01"
_TAIL_BYTES = 64
# The output of a board that was restarted in the middle of an exchange: the answer will not come.
_RESTARTED = re.compile(rb"for more information\.\r?\n>>> $|rst:0x[0-9a-f]+ \($")


class Transport(SerialTransport):  # type: ignore[misc]
    """mpremote's transport as it is after its constructor, for a serial port that is already open."""

    def __init__(self, port: Port, serial_port: SerialPort) -> None:
        # The constructor of SerialTransport opens the port with DTR and RTS on, and reads without a deadline.
        self.serial: SerialPort = serial_port
        self.device_name = port.path
        self.in_raw_repl = False
        self.use_raw_paste = True
        self.mounted = False
        self.is_pty = False
        self._give_up_s = 0.0

    def run(self, code: str, deadline_s: float = EXEC_DEADLINE_S) -> str:
        """Returns the output of code at the raw prompt; raises SerialError with the board's traceback if it fails."""
        self._give_up_s = time.monotonic() + deadline_s
        output = bytearray()
        try:
            _, traceback = self.exec_raw(code, timeout=deadline_s, data_consumer=output.extend)
        except serial.SerialTimeoutException:
            raise self._silent() from None
        except OSError:
            raise gone(self.device_name) from None
        except _Endless:
            raise SerialError(
                Reason.DAMAGED,
                f"the answer of the board at {self.device_name} has no end: run this again, or first darvaz rescue",
            ) from None
        except (TransportError, struct.error):
            # mpremote unpacks two bytes of an answer that may have fewer.
            raise self._silent() from None
        if traceback:
            raise code_failed(traceback.decode(errors="replace"))
        return output.removesuffix(_END).decode(errors="replace")

    def raw_paste_write(self, command_bytes: bytes) -> None:
        """Writes code in the windows that the board opens; raises TransportError.

        It replaces mpremote's, which has no deadline: a board that opens windows without end would keep it.
        """
        window: int = struct.unpack("<H", self.serial.read(2))[0]
        left, at = window, 0
        while at < len(command_bytes):
            if left <= 0 or self.serial.in_waiting:
                if time.monotonic() > self._give_up_s:
                    raise TransportError("too late")
                sign = self.serial.read(1)
                if sign == _END:
                    # The board gives up; this is the answer that it waits for.
                    self.serial.write(_END)
                    return
                if sign != _WINDOW:
                    raise TransportError("neither a window nor an end")
                left += window
                continue
            piece = command_bytes[at : at + left]
            self.serial.write(piece)
            left -= len(piece)
            at += len(piece)
        self.serial.write(_END)
        self.read_until(1, _END)

    def read_until(
        self,
        min_num_bytes: int,
        ending: bytes,
        timeout: float | None = None,
        data_consumer: Callable[[bytes], None] | None = None,
        timeout_overall: float | None = None,
    ) -> bytes:
        """Returns what came up to an ending, or with a consumer only the end of it; raises TransportError.

        It replaces mpremote's, whose deadlines are between characters: a board that prints or restarts without end
        would block it.
        """
        data, tail, count = bytearray(), b"", 0
        while not tail.endswith(ending):
            left_s = self._give_up_s - time.monotonic()
            if left_s <= 0:
                raise (_Endless if count else TransportError)("too late")
            if not self.serial.wait(left_s):
                raise TransportError("too late")
            piece = self.serial.read_to(ending[-1:])
            count += len(piece)
            if count > OUTPUT_BYTES_MAX:
                raise _Endless("too much output")
            if _RESTARTED.search(tail + piece):
                raise TransportError("restarted")
            tail = (tail + piece)[-_TAIL_BYTES:]
            if data_consumer is not None:
                data_consumer(piece)
            else:
                data += piece
        return tail[-1:] if data_consumer is not None else bytes(data)

    def _silent(self) -> SerialError:
        return SerialError(
            Reason.SILENT,
            f"the board at {self.device_name} stopped answering: a watchdog may have reset it, or its cable is loose."
            " Run the same command again; if it stays so: darvaz rescue",
        )


class _Endless(TransportError):  # type: ignore[misc]
    """The board still sends at the deadline, or more than any answer has."""


def code_failed(traceback: str) -> SerialError:
    """Returns the error for a traceback of the board."""
    lines = traceback.strip().splitlines() or [""]
    last = lines[-1].strip()
    if "ENOSPC" in last or last == "OSError: 28":
        return SerialError(
            Reason.NO_SPACE,
            "the board's file system is full: remove files there that you do not need (darvaz ls shows them)",
            traceback,
        )
    if "ENOENT" in last or last == "OSError: 2":
        return SerialError(Reason.NO_FILE, "there is no such file on the board (darvaz ls shows them)", traceback)
    if last.startswith("MemoryError"):
        return SerialError(
            Reason.CODE_FAILED, "the board's memory is full: reset it (darvaz reset), then run this again", traceback
        )
    return SerialError(Reason.CODE_FAILED, f"the board's code failed: {last}", traceback)
