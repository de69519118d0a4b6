"""`darvaz simulate` in a process of its own, a fork of the fork server, for tests."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.support.fork_server import ForkedProcess, can_fork, fork_server
from tests.support.gateway import GatewayProcess

DEADLINE_S = 30.0


class Simulation:
    """`darvaz simulate` in a process, with what it says in a file."""

    def __init__(self, gateway: GatewayProcess, folder: Path, *words: str) -> None:
        self.log = folder / "simulate.txt"
        words = ("simulate", "--gateway", gateway.url, *words)
        env = {**os.environ, "TMPDIR": str(folder)}
        self.process: subprocess.Popen[bytes] | ForkedProcess
        with self.log.open("wb") as log:
            if can_fork(env):
                self.process = fork_server().start(words, env, log)
            else:
                self.process = subprocess.Popen(
                    [sys.executable, "-m", "darvaz", *words], stdout=log, stderr=log, env=env
                )

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
