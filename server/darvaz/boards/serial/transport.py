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
_END = b"\x04"
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
        except (TransportError, struct.error):
            # mpremote unpacks two bytes of an answer that may have fewer.
            raise self._silent() from None
        if traceback:
            raise code_failed(traceback.decode(errors="replace"))
        return output.removesuffix(_END).decode(errors="replace")

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
            if left_s <= 0 or not self.serial.wait(left_s):
                raise TransportError("too late")
            byte: bytes = self.serial.read(1)
            tail = (tail + byte)[-_TAIL_BYTES:]
            count += 1
            if count > OUTPUT_BYTES_MAX or (byte in b" (" and _RESTARTED.search(tail)):
                raise TransportError("restarted, or too much output")
            if data_consumer is not None:
                data_consumer(byte)
            else:
                data += byte
        return tail[-1:] if data_consumer is not None else bytes(data)

    def _silent(self) -> SerialError:
        return SerialError(
            Reason.SILENT,
            f"the board at {self.device_name} stopped answering: a watchdog may have reset it, or its cable is loose."
            " Run the same command again; if it stays so: darvaz rescue",
        )


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
