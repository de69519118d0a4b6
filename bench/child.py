"""A child process of the bench: pinned to a core, its output in a file, ended with the bench."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

STOP_DEADLINE_S = 20.0
START_DEADLINE_S = 30.0
_LAUNCH = Path(__file__).with_name("launch.py")
_LOG_SHOWN_CHARS = 2_000


class BenchError(Exception):
    """An error that is shown to the person who runs the bench."""


class Child:
    """One program from `start` to `stop`; a `with` block starts and stops it.

    Ctrl-C does not reach it: the bench receives it and ends its children in order.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        core: int | None,
        log: Path,
        env: Mapping[str, str] | None = None,
        has_pipes: bool = False,
    ) -> None:
        self._command = list(command)
        self._core = core
        self._log = log
        self._env = env
        self._talks = has_pipes
        self.process: subprocess.Popen[bytes]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        return self.process.pid

    def start(self) -> None:
        """Starts the program; if `has_pipes`, its standard input and output are pipes."""
        pipe = subprocess.PIPE if self._talks else None
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                launch_command(self._command, self._core),
                stdin=pipe or subprocess.DEVNULL,
                stdout=pipe or log,
                stderr=log,
                env=self._env,
                start_new_session=True,
            )

    def stop(self) -> None:
        """Ends the program with SIGTERM, or with SIGKILL after the deadline."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Ends the program as a power cut would."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            self.process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(STOP_DEADLINE_S)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()

    def log_end(self) -> str:
        """Returns the end of the program's output."""
        text = self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""
        return text[-_LOG_SHOWN_CHARS:].strip()

    def wait_until(self, is_ready: Callable[[], bool], what: str) -> None:
        """Waits until the program is ready, or raises `BenchError` with its output."""
        deadline_s = time.monotonic() + START_DEADLINE_S
        while not is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline_s:
                raise BenchError(f"{what} did not start: {self.log_end()}")
            time.sleep(0.02)


def launch_command(command: Sequence[str], core: int | None) -> list[str]:
    """Returns the command that runs another command on a core and ends it with this process."""
    core_argument = "-" if core is None else str(core)
    return [sys.executable, "-I", "-S", str(_LAUNCH), core_argument, str(os.getpid()), *command]


def free_port() -> int:
    """Returns a port of this machine that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def is_listening(port: int) -> bool:
    """Whether a server accepts connections on a port of this machine."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def wait_for_port(port: int) -> None:
    """Waits until a server accepts connections on a port."""
    deadline_s = time.monotonic() + START_DEADLINE_S
    while not is_listening(port):
        if time.monotonic() > deadline_s:
            raise BenchError(f"nothing listens on port {port}")
        time.sleep(0.02)
