"""A run of the soak: boards, commands, two restarts of the gateway, and the checks at the end."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tools.soak.board import Board, Record
from tools.soak.gateway import Gateway

PROGRESS_EVERY_S = 10.0
# Shares of the run time: SIGKILL, then SIGTERM and a new start, then the first measurement of memory.
KILL_AT, RESTART_AT, WARM_AT = 0.1, 0.2, 0.3
# The journal is written ten times a second: pings answered this long before a SIGKILL may be missing.
UNWRITTEN_S = 1.0
GROWTH_KB_MAX = 24_576
FILES_MORE_MAX = 10
LEAVE_DEADLINE_S = 10.0

Report = Callable[[str], None]


class SoakRun:
    """One soak; `findings` are sentences about errors."""

    def __init__(self, folder: Path, seconds: float, links: int, seed: int, report: Report) -> None:
        names = [f"soak-{number}" for number in range(links)]
        self._seconds = seconds
        self._report = report
        self._seed = seed
        self._gateway = Gateway(folder, names)
        self._names = names
        self._kills_s: list[float] = []
        self._is_down = False
        self.record = Record()
        self.findings: list[str] = []
        self.figures: dict[str, Any] = {}

    async def run(self) -> None:
        """Runs from the first start to the last check; ends its processes in any case."""
        try:
            self._gateway.start()
            self._base_files = self._gateway.open_files()
            await self._run_boards()
            await self._check()
        finally:
            self._gateway.close()

    async def _run_boards(self) -> None:
        boards = [
            Board(
                name, self._gateway.port, self._gateway.tokens[name], self.record, random.Random(f"{self._seed} {name}")
            )
            for name in self._names
        ]
        tasks = [asyncio.create_task(board.run()) for board in boards]
        tasks += [
            asyncio.create_task(work()) for work in (self._send_commands, self._check_health, self._report_progress)
        ]
        try:
            for share, what in ((KILL_AT, self._kill), (RESTART_AT, self._restart), (WARM_AT, self._measure_memory)):
                await self._sleep_until(share, tasks)
                await what()
            await self._sleep_until(1, tasks)
        finally:
            self.record.is_over = True
            _, late = await asyncio.wait(tasks, timeout=2 * LEAVE_DEADLINE_S)
            for task in (*late, *tasks):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _sleep_until(self, share: float, tasks: list[asyncio.Task[None]]) -> None:
        """Waits until a share of the run time has passed; a task that fails ends the soak."""
        if not hasattr(self, "_began_s"):
            self._began_s = time.monotonic()
        left_s = self._began_s + share * self._seconds - time.monotonic()
        done, _ = await asyncio.wait(tasks, timeout=max(0.0, left_s), return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()

    # The gateway

    async def _kill(self) -> None:
        self._is_down = True
        self._kills_s.append(time.monotonic())
        await asyncio.to_thread(self._gateway.end, signal.SIGKILL)
        await self._start_again()

    async def _restart(self) -> None:
        self._is_down = True
        status = await asyncio.to_thread(self._gateway.end, signal.SIGTERM)
        if status != 0:
            self.findings.append(f"SIGTERM during the run ended the gateway with {status}")
        await self._start_again()

    async def _start_again(self) -> None:
        await asyncio.to_thread(self._gateway.start)
        self.record.counts["restarts"] += 1
        self._is_down = False

    async def _measure_memory(self) -> None:
        self.figures["resident_kb_warm"] = self._gateway.resident_kb()

    # The clients beside the boards

    async def _send_commands(self) -> None:
        """Sends commands to random boards; a command with an answer must have been executed."""
        randomness, number = random.Random(self._seed), 0
        headers = {"authorization": f"Bearer {self._gateway.operator}"}
        async with httpx.AsyncClient(headers=headers, trust_env=False, timeout=20) as client:
            while not self.record.is_over:
                number += 1
                url = f"{self._gateway.url}/api/devices/{randomness.choice(self._names)}/commands/count"
                with contextlib.suppress(httpx.HTTPError):
                    answer = await client.post(url, json={"number": number})
                    self.record.counts[f"commands: {answer.status_code}"] += 1
                    if answer.status_code == 200 and number not in self.record.executed:
                        self.findings.append(f"command {number} was answered, but no board executed it")
                await asyncio.sleep(0.01)

    async def _check_health(self) -> None:
        while not self.record.is_over:
            was_down = self._is_down
            is_healthy = await asyncio.to_thread(self._gateway.is_healthy)
            if not (is_healthy or was_down or self._is_down):
                self.findings.append("/health did not answer 200")
            await asyncio.sleep(0.5)

    async def _report_progress(self) -> None:
        while not self.record.is_over:
            counts = self.record.counts
            self._report(
                f"{counts['links']} links, {counts['messages']} messages, {len(self.record.answered_at_s)} pongs"
            )
            for _ in range(int(PROGRESS_EVERY_S)):
                if not self.record.is_over:
                    await asyncio.sleep(1)

    # The checks

    async def _check(self) -> None:
        await self._wait_until_offline()
        figures = self.figures | {"resident_kb_end": self._gateway.resident_kb()}
        figures |= {"files_base": self._base_files, "files_end": self._gateway.open_files()}
        self.figures = figures
        growth_kb = figures["resident_kb_end"] - figures["resident_kb_warm"]
        if growth_kb > GROWTH_KB_MAX:
            self.findings.append(f"memory grew by {growth_kb} KB since it was measured first")
        if figures["files_end"] > figures["files_base"] + FILES_MORE_MAX:
            self.findings.append(f"{figures['files_end']} files are open, {figures['files_base']} at first")
        status = await asyncio.to_thread(self._gateway.end, signal.SIGTERM)
        if status != 0:
            self.findings.append(f"SIGTERM ended the gateway with {status}")
        self._check_journal()
        self.findings += [f"in the log: {line}" for line in self._gateway.errors_in_log()]

    async def _wait_until_offline(self) -> None:
        deadline_s = time.monotonic() + LEAVE_DEADLINE_S
        while online := await asyncio.to_thread(self._gateway.online):
            if time.monotonic() > deadline_s:
                self.findings.append(f"{online} boards are online by the API, but none is connected")
                return
            await asyncio.sleep(0.2)

    def _check_journal(self) -> None:
        rows = self._gateway.journalled_pings()
        for text, time_s in self.record.answered_at_s.items():
            may_miss = any(kill_s - UNWRITTEN_S <= time_s <= kill_s + UNWRITTEN_S for kill_s in self._kills_s)
            if rows[text] > 1 or (rows[text] == 0 and not may_miss):
                self.findings.append(f"{text} was answered and is in the journal {rows[text]} times")
        self.findings += [f"the journal has a gap: {gap}" for gap in self._gateway.gaps()]
