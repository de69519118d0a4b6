"""The gateway under the soak: a process on a port of this machine that can be stopped and killed."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import httpx

from darvaz.gateway.access import Tokens
from darvaz.gateway.storage.database import DATABASE_NAME, opened, transaction

START_DEADLINE_S = 30.0
STOP_DEADLINE_S = 20.0
# Limits per address are off: all boards of the soak have the same address.
SETTINGS = {
    "DARVAZ_HOST": "127.0.0.1",
    "DARVAZ_LINKS_PER_ADDRESS_MAX": "100000",
    "DARVAZ_MESSAGES_PER_S_MAX": "100000",
    "DARVAZ_JOURNAL_RETAIN_BYTES_MAX": "16000000000",
}
_ERROR_SIGNS = ("Traceback", "Unhandled", "never retrieved", "never awaited", " ERROR ")


class GatewayError(Exception):
    """The gateway could not be started."""


class Gateway:
    """One gateway with a data folder and tokens of its own."""

    def __init__(self, folder: Path, names: list[str]) -> None:
        self._data = folder / "data"
        self._log = folder / "log.txt"
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        with opened(self._data) as connection, transaction(connection):
            tokens = Tokens(connection, time.time)
            self.tokens = {name: tokens.issue("pico", device=name).text for name in names}
            self.operator = tokens.issue("operator").text
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the process and waits until it answers."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("DARVAZ_")}
        command = [sys.executable, "-m", "darvaz", "serve", "--port", str(self.port), "--data", str(self._data)]
        with self._log.open("ab") as log:
            # Ctrl-C does not reach it: the soak ends its gateway itself.
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, env=clean | SETTINGS, start_new_session=True
            )
        deadline_s = time.monotonic() + START_DEADLINE_S
        while not self.is_healthy():
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                raise GatewayError(f"the gateway did not start: {self._log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)

    def end(self, number: signal.Signals) -> int:
        """Sends a signal, waits, and returns the exit status; a process that does not end is killed."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(number)
        try:
            return self._process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait(STOP_DEADLINE_S)

    def close(self) -> None:
        """Ends the process if it runs."""
        if self._process is not None and self._process.poll() is None:
            self.end(signal.SIGKILL)

    def is_healthy(self) -> bool:
        """Whether /health answers 200."""
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/health", trust_env=False, timeout=10).status_code == 200
        return False

    def online(self) -> int:
        """Returns how many boards are online by its API."""
        headers = {"authorization": f"Bearer {self.operator}"}
        answer = httpx.get(f"{self.url}/api/devices", headers=headers, trust_env=False, timeout=30)
        return sum(device["online"] for device in answer.json()["devices"])

    def resident_kb(self) -> int:
        """Returns how much memory it holds, or 0 where the system does not report it."""
        status = Path(f"/proc/{self._pid}/status")
        lines = status.read_text().splitlines() if status.exists() else []
        return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0)

    def open_files(self) -> int:
        """Returns how many files and sockets it has open, or 0 where the system does not report it."""
        folder = Path(f"/proc/{self._pid}/fd")
        return len(list(folder.iterdir())) if folder.exists() else 0

    def journalled_pings(self) -> Counter[str]:
        """Returns how often each ping is in the journal, by its text; stop the gateway first."""
        with contextlib.closing(sqlite3.connect(self._data / DATABASE_NAME)) as connection:
            rows = connection.execute("SELECT payload FROM journal WHERE direction = '<' AND type = 'ping'")
            return Counter(payload for (payload,) in rows)

    def gaps(self) -> list[str]:
        """Returns the gaps that the journal reports."""
        with contextlib.closing(sqlite3.connect(self._data / DATABASE_NAME)) as connection:
            return [payload for (payload,) in connection.execute("SELECT payload FROM journal WHERE type = 'gap'")]

    def errors_in_log(self) -> list[str]:
        """Returns the lines of its log that a peer must not be able to cause."""
        lines = self._log.read_text(errors="replace").splitlines()
        return [line for line in lines if any(sign in line for sign in _ERROR_SIGNS)]

    @property
    def _pid(self) -> int:
        assert self._process is not None
        return self._process.pid
