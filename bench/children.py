"""Programs that the bench starts: each on its core, with its output in a file, and none left behind."""

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
    """Something the person who runs the bench should read."""


class Child:
    """One program from `start` to `stop`; as a context it is started and ended.

    It does not hear Ctrl-C: the bench does, and ends its children in order.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        core: int | None,
        log: Path,
        env: Mapping[str, str] | None = None,
        talks: bool = False,
    ) -> None:
        self._command = list(command)
        self._core = core
        self._log = log
        self._env = env
        self._talks = talks
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
        """Starts the program; with `talks`, its standard input and output are pipes."""
        pipe = subprocess.PIPE if self._talks else None
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                launched(self._command, self._core),
                stdin=pipe or subprocess.DEVNULL,
                stdout=pipe or log,
                stderr=log,
                env=self._env,
                start_new_session=True,
            )

    def stop(self) -> None:
        """Asks the program to end, and ends it if it does not."""
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

    def said(self) -> str:
        """Returns the end of what the program wrote."""
        text = self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""
        return text[-_LOG_SHOWN_CHARS:].strip()

    def wait_until(self, is_ready: Callable[[], bool], what: str) -> None:
        """Waits until the program is ready, and raises `BenchError` with what it said if it never is."""
        deadline_s = time.monotonic() + START_DEADLINE_S
        while not is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline_s:
                raise BenchError(f"{what} did not start: {self.said()}")
            time.sleep(0.02)


def launched(command: Sequence[str], core: int | None) -> list[str]:
    """Returns the command that runs another one on a core, as a child of this process that ends with it."""
    place = "-" if core is None else str(core)
    return [sys.executable, "-I", "-S", str(_LAUNCH), place, str(os.getpid()), *command]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def is_listening(port: int) -> bool:
    """Whether somebody accepts connections on a port of this machine."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def wait_for_port(port: int) -> None:
    """Waits until somebody accepts connections on a port."""
    deadline_s = time.monotonic() + START_DEADLINE_S
    while not is_listening(port):
        if time.monotonic() > deadline_s:
            raise BenchError(f"nothing listens on port {port}")
        time.sleep(0.02)
