"""One run of MicroPython in a process of its own, on a terminal of its own."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import signal
import subprocess
from pathlib import Path

from darvaz.boards.virtual.micropython import start_command
from darvaz.boards.virtual.terminal import Terminal

STUBS = Path(__file__).resolve().parent / "stubs"
KILL_DEADLINE_S = 5.0
_START = "import _boot; _boot.start(globals())"
_SIGINT_BIT = 1 << (signal.SIGINT - 1)
_CAUGHT = re.compile(rb"^SigCgt:\s*([0-9a-f]+)", re.MULTILINE)


class Interpreter:
    """A process that is started once; `code` is its exit status."""

    def __init__(self, environment: dict[str, str], heap: str) -> None:
        start = start_command()
        self.terminal = Terminal()
        far = self.terminal.far_fd
        try:
            self._process = subprocess.Popen(
                [*start, "-i", "-X", f"heapsize={heap}", "-c", _START],
                stdin=far,
                stdout=far,
                stderr=far,
                env={**os.environ, **environment, "MICROPYPATH": f"{STUBS}:.frozen", "TERM": "dumb"},
                start_new_session=True,
            )
        except OSError:
            self.terminal.close()
            raise
        # Readable once the process has ended; None where the system has none.
        self.end_fd: int | None = None
        with contextlib.suppress(AttributeError, OSError):
            self.end_fd = os.pidfd_open(self._process.pid)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """The return code as in `subprocess`; None while the process runs."""
        return self._process.poll()

    def interrupt(self) -> bool:
        """Sends Ctrl-C as a signal if the interpreter catches it now; returns whether it did."""
        # Otherwise the byte itself is wanted: raw prompts and file transfers read it.
        try:
            status = Path(f"/proc/{self.pid}/status").read_bytes()
        except OSError:
            return False
        found = _CAUGHT.search(status)
        if found is None or not int(found[1], 16) & _SIGINT_BIT:
            return False
        self._interrupt_code()
        return True

    def _interrupt_code(self) -> None:
        # MicroPython raises it in the thread that gets the signal, which may be the one of timers.
        send = getattr(ctypes.CDLL(None), "tgkill", None)
        if send is None:
            self._process.send_signal(signal.SIGINT)
        else:
            send(self.pid, self.pid, int(signal.SIGINT))

    def kill(self) -> None:
        """Ends the process at once."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(KILL_DEADLINE_S)

    def close(self) -> None:
        """Ends the process and closes its terminal."""
        self.kill()
        if self.end_fd is not None:
            os.close(self.end_fd)
            self.end_fd = None
        self.terminal.close()
