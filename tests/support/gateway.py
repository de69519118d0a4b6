"""A real gateway in a process of its own, for tests."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

START_DEADLINE_S = 30.0
STOP_DEADLINE_S = 15.0


# Below the ports that outgoing connections get: one of those could take the port before the gateway does.
_PORTS = range(20_000, 32_000)


def free_port() -> int:
    """Returns a port that nobody listens on."""
    for port in random.sample(_PORTS, 100):
        with contextlib.suppress(OSError), socket.create_server(("0.0.0.0", port)):
            return port
    raise AssertionError("no port is free")


class GatewayProcess:
    """Runs `darvaz serve` with a data folder of its own until the block ends."""

    def __init__(
        self,
        *args: str,
        env: dict[str, str] | None = None,
        data: Path | None = None,
        prefix: Sequence[str] = (),
        probe: bool = True,
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.ws_url = f"ws://127.0.0.1:{self.port}"
        self._folder = tempfile.TemporaryDirectory(prefix="darvaz-test-")
        self.data = data or Path(self._folder.name) / "data"
        self._log = Path(self._folder.name) / "log.txt"
        self._probe = probe
        self._command = [*prefix, sys.executable, "-m", "darvaz", "serve", "--port", str(self.port)]
        self._command += ["--data", str(self.data), *args]
        clean = {name: value for name, value in os.environ.items() if not name.startswith("DARVAZ_")}
        self._env = {**clean, **(env or {})}
        self.process: subprocess.Popen[bytes]

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as undo:
            undo.callback(self._folder.cleanup)
            self.start()
            undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        finally:
            self._folder.cleanup()

    def start(self) -> None:
        """Starts the process and waits until it answers; one that does not is ended again."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(self._command, stdout=log, stderr=log, env=self._env)
        try:
            self._wait_until_ready()
        except BaseException:
            self.kill()
            raise

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_DEADLINE_S
        while not self._is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the gateway did not start:\n{self.log_text()}")
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        if not self._probe:
            return "stop: Ctrl-C" in self.log_text()
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/health", trust_env=False).status_code in (200, 503)
        return False

    def stop(self) -> int:
        """Asks the process to end and returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(STOP_DEADLINE_S)
            raise AssertionError(f"the gateway did not stop:\n{self.log_text()}") from None

    def kill(self) -> None:
        """Ends the process as a power cut would."""
        self.process.kill()
        self.process.wait(STOP_DEADLINE_S)

    def log_text(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""

    def get(self, path: str, **options: Any) -> httpx.Response:
        return httpx.get(self.url + path, trust_env=False, timeout=30, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return httpx.post(self.url + path, trust_env=False, timeout=30, **options)

    def token(self, kind: str = "pico") -> str:
        """Returns a fresh token of a kind, fetched as the guide says."""
        tokens: str = self.get("/public/tokens").json()[f"{kind}_tokens"][0]
        return tokens
