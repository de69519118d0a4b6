"""The gateway under measurement: `darvaz serve` with real tokens; its journal is counted afterwards."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from bench.child import BenchError, launch_command
from bench.machine import cpu_s
from darvaz.compiled import SWITCH
from darvaz.gateway.access import Tokens
from darvaz.gateway.journal.queries import JournalFilter, count_by_type, matching
from darvaz.gateway.storage.database import DATABASE_NAME, opened, transaction
from darvaz.pytest_plugin.gateway_process import GatewayProcess, GatewayProcessError

DEVICE = "bench"
# Limits per address are off: all boards of a benchmark have the same address.
SETTINGS = {
    "DARVAZ_HOST": "127.0.0.1",
    "DARVAZ_LINKS_PER_ADDRESS_MAX": "1000000",
    "DARVAZ_MESSAGES_PER_S_MAX": "10000000",
    "DARVAZ_JOURNAL_RETAIN_BYTES_MAX": "16000000000",
}


class Gateway(GatewayProcess):
    """One gateway with a data folder of its own; a `with` block starts and stops it and removes the folder."""

    def __init__(self, folder: Path, core: int | None, boards: int, *, is_plain: bool = False) -> None:
        self.tokens = folder / "tokens.txt"
        self._folder = folder
        folder.mkdir(parents=True)
        self.operator = self._issue(folder / "data", boards)
        # Compiled where possible, as `make serve` runs it.
        switch = {SWITCH: "no"} if is_plain else {}
        super().__init__(folder / "data", folder / "log.txt", env=SETTINGS | switch, prefix=launch_command([], core))

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException as error:
            super().close()
            if isinstance(error, GatewayProcessError):
                raise BenchError(str(error)) from None
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def cpu_s(self) -> float:
        """Returns the processor time of all its threads."""
        return cpu_s(self.pid)

    def online(self) -> int:
        """Returns how many boards are online."""
        return int(self._ask("/api/health")["devices_online"])

    def read_newest(self) -> None:
        """Reads the newest entry of the journal, so that what waits is written."""
        self._ask("/api/journal?limit=1")

    def _ask(self, path: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.operator}"}
        answer = httpx.get(f"{self.url}{path}", headers=headers, trust_env=False, verify=False, timeout=30)
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def _issue(self, data: Path, boards: int) -> str:
        """Writes a token for each board into a file, and returns an operator's token."""
        with opened(data) as connection, transaction(connection):
            tokens = Tokens(connection, time.time)
            texts = [tokens.issue("pico", device=f"{DEVICE}-{number}").text for number in range(boards)]
            operator = tokens.issue("operator").text
        self.tokens.write_text("\n".join(texts))
        return operator

    def count_journal(self) -> dict[tuple[str, str], int]:
        """Returns the number of journal entries of each direction and type; the gateway must be stopped."""
        with _database(self.data) as connection:
            return count_by_type(connection)

    def count_gaps(self) -> int:
        """Returns the number of missing entries that the journal reports as gaps."""
        with _database(self.data) as connection:
            return sum(int(row.payload.split()[0]) for row in matching(connection, JournalFilter(type="gap")))


@dataclass(frozen=True)
class JournalCheck:
    """The journal entries that a run must have left: how many, and how many are missing."""

    expected: int
    missing: int
    missing_in_gaps: int

    @property
    def is_accounted_for(self) -> bool:
        """Whether the journal reports every missing entry as a gap."""
        return self.missing == self.missing_in_gaps

    def sentence(self) -> str:
        """Returns the result as a sentence."""
        if self.missing < 0:
            return f"{-self.missing} ROWS TOO MANY of {self.expected}"
        if not self.is_accounted_for:
            return f"{self.missing} of {self.expected} LOST, {self.missing_in_gaps} reported as gaps"
        return "complete" if not self.missing else f"{self.missing / self.expected:.1%} in reported gaps"


def compare(gateway: Gateway, expected: Mapping[tuple[str, str], int]) -> JournalCheck:
    """Compares the journal of a stopped gateway with the messages sent."""
    counts = gateway.count_journal()
    missing = sum(count - counts.get(which, 0) for which, count in expected.items())
    return JournalCheck(sum(expected.values()), missing, gateway.count_gaps())


def _database(data: Path) -> contextlib.closing[sqlite3.Connection]:
    return contextlib.closing(sqlite3.connect(f"file:{data / DATABASE_NAME}?mode=ro", uri=True))
