"""`darvaz simulate` in a process of its own, for tests."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.support.gateway import GatewayProcess

DEADLINE_S = 30.0


class Simulation:
    """`darvaz simulate` in a process, with what it says in a file."""

    def __init__(self, gateway: GatewayProcess, folder: Path, *words: str) -> None:
        self.log = folder / "simulate.txt"
        command = [sys.executable, "-m", "darvaz", "simulate", "--gateway", gateway.url, *words]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "TMPDIR": str(folder)})

    def text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def expect(self, pattern: str, count: int = 1, deadline_s: float = DEADLINE_S) -> None:
        give_up = time.monotonic() + deadline_s
        while len(re.findall(pattern, self.text())) < count:
            assert time.monotonic() < give_up and self.process.poll() is None, self.text()
            time.sleep(0.05)

    def stop(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(DEADLINE_S)
