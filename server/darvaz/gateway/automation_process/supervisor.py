"""Runs the automations in a process of their own, which may crash, hang or flood without harm to the gateway.

The process tells once a second that it lives. One that does not, has too many children, or whose files were saved, is
ended with all that it started, and started again; after a crash later each time.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any

import msgspec

from darvaz.gateway.automation_process.files import fingerprint
from darvaz.gateway.automation_process.sessions import end_session, members_of
from darvaz.text.private_files import write_private
from darvaz.text.terminal import visible

log = logging.getLogger("darvaz.automations")

LOOK_EVERY_S = 1.0
ALIVE_DEADLINE_S = 15.0
PROCESSES_MAX = 64
RETRY_FIRST_S, RETRY_MAX_S = 1.0, 60.0
# A process that ran for so long did not crash at its start.
WELL_S = 60.0
# What it prints: the rest waits in the pipe, and the process with it. Little of it is logged.
PRINTED_BYTES_PER_S = 4 * 1024 * 1024
_PIECE_BYTES, _LINES_PER_S = 65_536, 20
# Lines of the process that the journal takes.
TOLD_PER_MINUTE = 120
_LINE_BYTES_MAX = 65_536
_STATE_EVERY_S = 30.0
# A child that has left the session may hold the pipes.
_END_DEADLINE_S = 3.0
_REMARK = "automations"

Record = Callable[[str | None, str, str], None]


class AutomationSupervisor:
    """The process of a folder of automations. Used from the event loop only."""

    def __init__(
        self, folder: Path, url: str, data: Path, record: Record, remarks: MutableMapping[str, str],
        python: str = sys.executable,
    ) -> None:  # fmt: skip
        self._folder = folder
        self._url = url
        self._state_file = data / "automations.json"
        self._data = data
        self._record = record
        self._remarks = remarks
        self._python = python
        self._task: asyncio.Task[None] | None = None
        # When the process last said that it lives, and the time by its clock.
        self._alive_s = 0.0
        self._last_unix_s: float | None = None
        self._stored_s = 0.0
        # The minute in which lines are counted, and how many there were.
        self._minute, self._journalled = 0, 0
        self.starts = 0
        """How often the process was started."""
        self.pid: int | None = None
        """Of the process that runs now."""

    def open(self) -> None:
        """Starts the process, and keeps it running."""
        self._last_unix_s = _load_last(self._state_file)
        self._task = asyncio.ensure_future(self._keep_running())

    async def close(self) -> None:
        """Ends the process."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._store()

    async def _keep_running(self) -> None:
        wait_s = RETRY_FIRST_S
        while True:
            started_s = time.monotonic()
            try:
                reason = await self._run_once()
            except OSError as error:
                reason = f"it cannot be started: {error}"
            if reason is None:
                wait_s = RETRY_FIRST_S
                continue
            self._tell("automations ended", f"{reason}; they start again")
            self._remarks[_REMARK] = f"the automations ended: {reason}; they were started again"
            wait_s = RETRY_FIRST_S if time.monotonic() - started_s > WELL_S else min(RETRY_MAX_S, 2 * wait_s)
            await asyncio.sleep(wait_s)

    async def _run_once(self) -> str | None:
        """Runs the process until it ends; returns why, or None if its files were saved."""
        mark = await asyncio.to_thread(fingerprint, self._folder)
        last = [] if self._last_unix_s is None else [repr(self._last_unix_s)]
        process = await asyncio.create_subprocess_exec(
            self._python, "-m", "darvaz.automations", str(self._folder), self._url, *last,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            start_new_session=True, limit=_LINE_BYTES_MAX, env={**os.environ, "DARVAZ_DATA": str(self._data)},
        )  # fmt: skip
        self.starts, self.pid, self._alive_s = self.starts + 1, process.pid, time.monotonic()
        assert process.stdout is not None and process.stderr is not None
        reading = [asyncio.ensure_future(self._read(process.stdout)), asyncio.ensure_future(self._log(process.stderr))]
        watching = asyncio.ensure_future(self._watch(process, mark))
        ending = asyncio.ensure_future(process.wait())
        try:
            await asyncio.wait((watching, ending), return_when=asyncio.FIRST_COMPLETED)
            return watching.result() if watching.done() else _how_it_ended(process.returncode)
        finally:
            self.pid = None
            end_session(process.pid)
            await _cancel(*reading, watching)
            # Until the pipes are empty, the end of the process is not seen.
            draining = [asyncio.ensure_future(_drain(pipe)) for pipe in (process.stdout, process.stderr)]
            await asyncio.wait((ending, *draining), timeout=_END_DEADLINE_S)
            await _cancel(ending, *draining)

    async def _watch(self, process: asyncio.subprocess.Process, mark: str) -> str | None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if time.monotonic() - self._alive_s > ALIVE_DEADLINE_S:
                return f"they did not answer for {ALIVE_DEADLINE_S:g} s (an endless loop, or too much printed)"
            if len(members_of(process.pid)) > PROCESSES_MAX:
                return f"they started more than {PROCESSES_MAX} processes"
            if await asyncio.to_thread(fingerprint, self._folder) != mark:
                self._tell("automations reloaded", "a file was saved")
                return None
            if time.monotonic() - self._stored_s > _STATE_EVERY_S:
                self._store()

    async def _read(self, lines: asyncio.StreamReader) -> None:
        while True:
            try:
                line = await lines.readline()
            except ValueError:
                # Longer than any of ours.
                continue
            if not line:
                return
            with contextlib.suppress(msgspec.MsgspecError):
                self._take(msgspec.json.decode(line, type=dict[str, Any]))

    def _take(self, line: dict[str, Any]) -> None:
        """Takes a line of the process, which may be anything: the automations share it."""
        name = str(line.get("automation", ""))[:128]
        match line.get("type"):
            case "alive":
                self._alive_s = time.monotonic()
                unix_s = line.get("unix_s")
                self._last_unix_s = float(unix_s) if isinstance(unix_s, int | float) else None
            case "loaded":
                self._take_loaded(line)
            case "runs":
                self._tell("automation", name, line.get("device"))
            case "failed":
                self._tell("automation failed", f"{name}: {str(line.get('reason'))[:500]}")
            case "missed":
                then = time.strftime("%Y-%m-%d %H:%M", time.localtime(float(line.get("due") or 0)))
                done = "it runs now" if line.get("runs") else "it is left out"
                self._tell("automation missed", f"{name} was due at {then}, when nothing ran; {done}")

    def _take_loaded(self, line: dict[str, Any]) -> None:
        names, problems = line.get("automations") or [], line.get("problems") or {}
        self._tell("automations started", ", ".join(map(str, names))[:2_000] or "there are none")
        for file, reason in list(problems.items())[:20] if isinstance(problems, dict) else ():
            self._tell("automation failed", f"{file} was not loaded: {str(reason)[:500]}")
        if problems:
            self._remarks[_REMARK] = f"automations were not loaded: {', '.join(map(str, problems))[:200]}"
        elif self._remarks.get(_REMARK, "").startswith("automations were not"):
            del self._remarks[_REMARK]

    async def _log(self, printed: asyncio.StreamReader) -> None:
        """Writes what automations print into the log, no more than a little of it each second."""
        until_s, read_bytes, lines = 0.0, 0, 0
        while text := await printed.read(_PIECE_BYTES):
            if time.monotonic() >= until_s:
                until_s, read_bytes, lines = time.monotonic() + 1.0, 0, 0
            read_bytes += len(text)
            for line in text[:2_000].decode("utf-8", "replace").splitlines()[: _LINES_PER_S - lines]:
                lines += 1
                log.info("= automations: %s", visible(line[:500]))
            if read_bytes > PRINTED_BYTES_PER_S:
                await asyncio.sleep(max(0.0, until_s - time.monotonic()))

    def _tell(self, type_: str, text: str, device: Any = None) -> None:
        minute = int(time.monotonic() // 60)
        self._journalled = self._journalled + 1 if minute == self._minute else 1
        self._minute = minute
        if self._journalled <= TOLD_PER_MINUTE:
            log.info("= %s: %s", type_, visible(text))
            self._record(device if isinstance(device, str) else None, type_, text)
        elif self._journalled == TOLD_PER_MINUTE + 1:
            self._record(None, "automation", "more of them ran in this minute, and are not listed")

    def _store(self) -> None:
        """Keeps until when the automations ran, to know what they missed."""
        self._stored_s = time.monotonic()
        if self._last_unix_s is not None:
            with contextlib.suppress(OSError):
                write_private(self._state_file, {"last_unix_s": self._last_unix_s})


async def _cancel(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _drain(pipe: asyncio.StreamReader) -> None:
    while await pipe.read(_PIECE_BYTES):
        continue


def _load_last(path: Path) -> float | None:
    try:
        found = msgspec.json.decode(path.read_bytes(), type=dict[str, float])
    except (OSError, msgspec.MsgspecError):
        return None
    return found.get("last_unix_s")


def _how_it_ended(status: int | None) -> str:
    if status is not None and status < 0:
        with contextlib.suppress(ValueError):
            return f"they were ended by {signal.Signals(-status).name}"
    return f"their process ended with status {status} (out of memory, or an exit in a file)"
