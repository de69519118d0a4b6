"""A gateway of the tests' own: a process with a data folder that ends with it."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from darvaz.pytest_plugin.errors import BenchError
from darvaz.pytest_plugin.gateway import Gateway

START_DEADLINE_S = 30.0
STOP_DEADLINE_S = 15.0
_LOOK_S = 0.05
# Below the ports that outgoing connections get: one of those could take the port before the gateway does.
_PORTS = range(20_000, 32_000)
_TRIES = 100
# `darvaz serve` that ends in order when the run that started it is gone, however that ended: its pipe closes then.
_SERVE = """
import os, signal, sys, threading
from darvaz.__main__ import main

def watch():
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGTERM)

threading.Thread(target=watch, daemon=True).start()
sys.exit(main())
"""


class OwnGateway(Gateway):
    """`darvaz serve` on a free port of this machine; settings of the surroundings do not reach it."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="darvaz-pytest-", ignore_cleanup_errors=True)
        folder = Path(self._folder.name)
        port = _free_port()
        self._log = folder / "gateway.txt"
        words = ["serve", "--host", "127.0.0.1", "--port", str(port), "--data", str(folder / "data")]
        self._command = [sys.executable, "-c", _SERVE, *words]
        self._process: subprocess.Popen[bytes] | None = None
        super().__init__(f"http://127.0.0.1:{port}")

    def start(self) -> None:
        """Starts it and waits until it answers; after `stop` it has its old data."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("DARVAZ_")}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=clean)
        give_up = time.monotonic() + START_DEADLINE_S
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > give_up:
                raise BenchError(f"the gateway did not start:\n{self.log_text()}")
            time.sleep(_LOOK_S)

    def stop(self) -> None:
        """Ends it in order; boards lose their link."""
        if self._process is None or self._process.poll() is not None:
            return
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_DEADLINE_S)

    def close(self) -> None:
        """Ends it, and deletes its data."""
        super().close()
        self.stop()
        self._folder.cleanup()

    def log_text(self) -> str:
        """Returns what it printed."""
        return self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""

    def _is_ready(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/health", trust_env=False).status_code in (200, 503)
        return False


def _free_port() -> int:
    for port in random.sample(_PORTS, _TRIES):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise BenchError("no port is free for a gateway")
