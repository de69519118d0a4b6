"""The gateway under the soak: a process on a port of this machine that can be stopped and killed."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections import Counter
from pathlib import Path

import httpx

from darvaz.gateway.access import Tokens
from darvaz.gateway.journal.queries import JournalFilter, matching
from darvaz.gateway.storage.database import DATABASE_NAME, opened, transaction
from darvaz.pytest_plugin.gateway_process import GatewayProcess

# Limits per address are off: all boards of the soak have the same address.
SETTINGS = {
    "DARVAZ_HOST": "127.0.0.1",
    "DARVAZ_LINKS_PER_ADDRESS_MAX": "100000",
    "DARVAZ_MESSAGES_PER_S_MAX": "100000",
    "DARVAZ_JOURNAL_RETAIN_BYTES_MAX": "16000000000",
}
_ERROR_SIGNS = ("Traceback", "Unhandled", "never retrieved", "never awaited", " ERROR ")


class Gateway(GatewayProcess):
    """One gateway with a data folder and tokens of its own."""

    def __init__(self, folder: Path, names: list[str]) -> None:
        with opened(folder / "data") as connection, transaction(connection):
            tokens = Tokens(connection, time.time)
            self.tokens = {name: tokens.issue("pico", device=name).text for name in names}
            self.operator = tokens.issue("operator").text
        super().__init__(folder / "data", folder / "log.txt", env=SETTINGS)

    def close(self) -> None:
        """Leaves no process behind."""
        if self.is_running:
            self.kill()
        super().close()

    def is_healthy(self) -> bool:
        """Whether /health answers 200."""
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/health", trust_env=False, verify=False, timeout=10).status_code == 200
        return False

    def online(self) -> int:
        """Returns how many boards are online by its API."""
        headers = {"authorization": f"Bearer {self.operator}"}
        answer = httpx.get(f"{self.url}/api/health", headers=headers, trust_env=False, verify=False, timeout=30)
        return int(answer.json()["devices_online"])

    def resident_kb(self) -> int:
        """Returns how much memory it holds, or 0 where the system does not report it."""
        status = Path(f"/proc/{self.pid}/status")
        lines = status.read_text().splitlines() if status.exists() else []
        return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0)

    def open_files(self) -> int:
        """Returns how many files and sockets it has open, or 0 where the system does not report it."""
        folder = Path(f"/proc/{self.pid}/fd")
        return len(list(folder.iterdir())) if folder.exists() else 0

    def journalled_pings(self) -> Counter[str]:
        """Returns how often each ping is in the journal, by its text; stop the gateway first."""
        with contextlib.closing(sqlite3.connect(self.data / DATABASE_NAME)) as connection:
            return Counter(row.payload for row in matching(connection, JournalFilter(direction="<", type="ping")))

    def gaps(self) -> list[str]:
        """Returns the gaps that the journal reports."""
        with contextlib.closing(sqlite3.connect(self.data / DATABASE_NAME)) as connection:
            return [row.payload for row in matching(connection, JournalFilter(type="gap"))]

    def errors_in_log(self) -> list[str]:
        """Returns the lines of its log that a peer must not be able to cause."""
        lines = self.log_text().splitlines()
        return [line for line in lines if any(sign in line for sign in _ERROR_SIGNS)]
