"""`darvaz serve` in a process of its own, on a port that is reserved for it: for tests, benchmarks and soaks."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import httpx

START_DEADLINE_S = 30.0
STOP_DEADLINE_S = 20.0
_POLL_S = 0.02
_READY = (200, 503)
_SERVE = ("-m", "darvaz")
# The same, and it stops in order when the process that started it ends in any way: its standard input closes then.
_SERVE_UNTIL_STDIN_CLOSES = """
import os, signal, sys, threading
from darvaz.__main__ import main

def watch():
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGTERM)

threading.Thread(target=watch, daemon=True).start()
sys.exit(main())
"""


class GatewayProcessError(Exception):
    """The gateway did not start; the text ends with its output."""


class GatewayProcess:
    """One gateway; `start` after `stop` or `kill` has the same port and data. Ctrl-C at the terminal does not reach it.

    Of the environment's variables it gets no `DARVAZ_…`, but those of `env`.
    """

    def __init__(
        self,
        data: Path,
        log: Path,
        *options: str,
        env: Mapping[str, str] | None = None,
        prefix: Sequence[str] = (),
        ends_with_us: bool = False,
    ) -> None:
        self.data = data
        # Standard output and error of every start, one after the other.
        self.log = log
        self._reserved = reserve_port()
        self.port = port_of(self._reserved)
        self.url = f"http://127.0.0.1:{self.port}"
        self.ws_url = f"ws://127.0.0.1:{self.port}"
        self._ends_with_us = ends_with_us
        serve = ("-c", _SERVE_UNTIL_STDIN_CLOSES) if ends_with_us else _SERVE
        # What follows `darvaz` on the command line.
        self.arguments = ["serve", "--port", str(self.port), "--data", str(data), *options]
        self.command = [*prefix, sys.executable, *serve, *self.arguments]
        # What the next start has in its environment.
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("DARVAZ_")}
        self.env.update(env or {})
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process that was started last; raises AttributeError before the first start."""
        assert self.process is not None, "not started"
        return self.process.pid

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self.process is not None and self.process.poll() is None

    def start(self, deadline_s: float = START_DEADLINE_S) -> None:
        """Starts it and waits until it answers; raises `GatewayProcessError`, and leaves no process then."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = self._launch(log)
        try:
            self._wait_until_ready(deadline_s)
        except BaseException:
            self.end(signal.SIGKILL)
            raise

    def _launch(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE if self._ends_with_us else subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=self.env,
            start_new_session=True,
        )

    def _wait_until_ready(self, deadline_s: float) -> None:
        give_up_s = time.monotonic() + deadline_s
        while not self.is_ready():
            if not self.is_running or time.monotonic() > give_up_s:
                raise GatewayProcessError(f"the gateway did not start:\n{self.log_text()}")
            time.sleep(_POLL_S)

    def is_ready(self) -> bool:
        """Whether it answers."""
        with socket.socket() as looking:
            # An HTTP client would take forty times as much of the processor, at each look.
            if looking.connect_ex(("127.0.0.1", self.port)) != 0:
                return False
        with contextlib.suppress(httpx.HTTPError):
            # Without TLS; to read the authorities would take 27 ms of the processor, at each look.
            return httpx.get(f"{self.url}/health", trust_env=False, verify=False).status_code in _READY
        return False

    def stop(self) -> int | None:
        """Ends it in order: the journal is complete. Returns its exit status."""
        return self.end(signal.SIGTERM)

    def kill(self) -> int | None:
        """Ends it as a power cut would."""
        return self.end(signal.SIGKILL)

    def end(self, number: signal.Signals) -> int | None:
        """Sends a signal and returns the exit status; after a deadline it is killed."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            status = self.process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait(STOP_DEADLINE_S)
        if self.process.stdin is not None:
            self.process.stdin.close()
        return status

    def close(self) -> None:
        """Ends it in order, and gives its port back."""
        self.stop()
        self._reserved.close()

    def log_text(self) -> str:
        """Returns what it printed."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""


def reserve_port() -> socket.socket:
    """Returns a socket that reserves a free port: nothing listens there, but a program that is told the port may.

    Until it is closed, the system (Linux) gives the port to nobody else, not even to an outgoing connection.
    """
    reserved = socket.socket()
    reserved.bind(("", 0))
    # Two sockets may have one port if both allow it and only one listens.
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return reserved


def port_of(reserved: socket.socket) -> int:
    """Returns the port that a socket has."""
    return int(reserved.getsockname()[1])
