"""mpremote's transport on a wire of ours: runs code at the raw prompt, with a deadline and a bound on what is said."""

from __future__ import annotations

import re
import struct
import time

import serial
from mpremote.transport import TransportError
from mpremote.transport_serial import SerialTransport

from darvaz.serial.errors import BoardError, Reason
from darvaz.serial.ports import Port
from darvaz.serial.wire import Wire, gone

EXEC_DEADLINE_S = 15.0
OUTPUT_BYTES_MAX = 16 * 1024 * 1024
_END = b"\x04"
# What a board says that was restarted in the middle of an exchange: nothing else would come any more.
_RESTARTED = re.compile(rb"for more information\.\r?\n>>> $|rst:0x[0-9a-f]+ \($")


class Transport(SerialTransport):  # type: ignore[misc]
    """What mpremote's transport is after it opened its port, but for a wire that is open already."""

    def __init__(self, port: Port, wire: Wire) -> None:
        # Not the constructor above it: that opens the port with DTR and RTS on, and reads without a deadline.
        self.serial: Wire = wire
        self.device_name = port.path
        self.in_raw_repl = False
        self.use_raw_paste = True
        self.mounted = False
        self.is_pty = self._is_pty(port.path)

    def _is_pty(self, path: str) -> bool:
        # Older releases do not know pseudo-terminals.
        ask = getattr(self, "_is_pty_device", None)
        return bool(ask(path)) if ask is not None else False

    def run(self, code: str, deadline_s: float = EXEC_DEADLINE_S) -> str:
        """Returns what code prints at the raw prompt; raises BoardError with the board's traceback where it fails."""
        give_up_s = time.monotonic() + deadline_s
        said = bytearray()

        def take(data: bytes) -> None:
            said.extend(data)
            is_restarted = data in b" (" and _RESTARTED.search(said[-64:])
            if is_restarted or len(said) > OUTPUT_BYTES_MAX or time.monotonic() > give_up_s:
                raise TransportError("too much or too long")

        try:
            _, trouble = self.exec_raw(code, timeout=deadline_s, data_consumer=take)
        except serial.SerialTimeoutException:
            raise self._silent() from None
        except OSError:
            raise gone(self.device_name) from None
        except (TransportError, struct.error):
            # With less than two bytes of an answer mpremote's unpacking fails.
            raise self._silent() from None
        if trouble:
            raise failed_there(trouble.decode(errors="replace"))
        return said.removesuffix(_END).decode(errors="replace")

    def _silent(self) -> BoardError:
        return BoardError(
            Reason.SILENT,
            f"the board at {self.device_name} stopped answering: a watchdog may have reset it, or its cable is loose."
            " Run the same command again; if it stays so: darvaz rescue",
        )


def failed_there(traceback: str) -> BoardError:
    """Returns what to say about a traceback of the board."""
    lines = traceback.strip().splitlines() or [""]
    last = lines[-1].strip()
    if "ENOSPC" in last or last == "OSError: 28":
        return BoardError(
            Reason.NO_SPACE,
            "the board's file system is full: remove files there that you do not need (darvaz ls shows them)",
            traceback,
        )
    if "ENOENT" in last or last == "OSError: 2":
        return BoardError(Reason.NO_FILE, "there is no such file on the board (darvaz ls shows them)", traceback)
    if last.startswith("MemoryError"):
        return BoardError(
            Reason.FAILED_THERE, "the board's memory is full: reset it (darvaz reset), then run this again", traceback
        )
    return BoardError(Reason.FAILED_THERE, f"the board's code failed: {last}", traceback)
