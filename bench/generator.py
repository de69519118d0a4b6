"""The load generator: a program in C, or a slower one in Python where there is no compiler."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.c_programs import ROOT, NoCompilerError, build
from bench.child import BenchError, Child, launch_command

Options = Mapping[str, str | int | bool | None]
_RUN_SLACK_S = 60.0


class Generator:
    """Runs the load generator on its core; `note` describes it for the report."""

    def __init__(self, core: int | None) -> None:
        self._core = core
        try:
            self._command = [str(build("load"))]
            self.is_fast = True
            self.note = "load generator in C"
        except NoCompilerError as error:
            self._command = [sys.executable, "-m", "bench.slow_generator"]
            self.is_fast = False
            self.note = f"{error}; the load generator in Python is slower than some servers here, so ratios are too low"

    def run(self, mode: str, options: Options) -> dict[str, Any]:
        """Runs the generator to its end and returns what it measured; raises `BenchError` with its error text."""
        command = launch_command([*self._command, mode, *_as_arguments(options)], self._core)
        deadline_s = (int(options.get("warmup-ms") or 0) + int(options.get("window-ms") or 0)) / 1000 + _RUN_SLACK_S
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, text=True, start_new_session=True
        )
        try:
            output, error_text = process.communicate(timeout=deadline_s)
        except subprocess.TimeoutExpired:
            raise BenchError(f"the load generator did not end within {deadline_s:g} s") from None
        finally:
            process.kill()
            process.wait()
        if process.returncode != 0:
            raise BenchError(error_text.strip() or f"the load generator ended with {process.returncode}")
        measured: dict[str, Any] = json.loads(output)
        return measured

    def idle_boards(self, options: Options, log: Path) -> IdleLoad:
        """Returns idle boards; a `with` block connects and ends them."""
        return IdleLoad(
            Child([*self._command, "idle", *_as_arguments(options)], core=self._core, log=log, has_pipes=True)
        )


class IdleLoad:
    """The load generator's idle boards, and the events that it prints about them."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._rest = b""
        self._events: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        self._child.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.kill()

    def wait_for(self, event: str, deadline_s: float) -> dict[str, Any]:
        """Returns the next event of this name; or raises `BenchError` with the number of open boards."""
        give_up_s = time.monotonic() + deadline_s
        last: dict[str, Any] = {}
        while time.monotonic() < give_up_s:
            while self._events:
                last = self._events.pop(0)
                if last["event"] == event:
                    return last
            self._read_events(give_up_s - time.monotonic())
        raise BenchError(f"{last.get('open', 0)} boards were open after {deadline_s:g} s ({last.get('why', '')})")

    def _read_events(self, wait_s: float) -> None:
        stream = self._child.process.stdout
        assert stream is not None
        if not select.select([stream], [], [], max(wait_s, 0))[0]:
            return
        data = os.read(stream.fileno(), 65_536)
        if not data:
            raise BenchError(self._child.log_end() or "the load generator of idle boards ended")
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._events += [json.loads(line) for line in lines]


def _as_arguments(options: Options) -> list[str]:
    arguments: list[str] = []
    for name, value in options.items():
        if value is True:
            arguments.append(f"--{name}")
        elif value is not None and value is not False:
            arguments += [f"--{name}", str(value)]
    return arguments
