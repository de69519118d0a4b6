"""The course of a soak: boards, a person who sends commands, two restarts, and what must hold at the end."""

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

from tools.soak.board import Board, Tale
from tools.soak.gateway import Gateway

PROGRESS_EVERY_S = 10.0
# As shares of the time: until then memory may grow; then a power cut; then a restart in order.
WARM_AT, KILL_AT, RESTART_AT = 0.3, 0.1, 0.2
# The journal writes ten times a second; what was answered within so long before a power cut may be missing.
POWER_CUT_S = 1.0
GROWTH_KB_MAX = 24_576
FILES_MORE_MAX = 10
LEAVE_DEADLINE_S = 10.0

Say = Callable[[str], None]


class Course:
    """One soak; `findings` are sentences about what is wrong."""

    def __init__(self, folder: Path, seconds: float, links: int, seed: int, say: Say) -> None:
        names = [f"soak-{number}" for number in range(links)]
        self._seconds = seconds
        self._say = say
        self._seed = seed
        self._gateway = Gateway(folder, names)
        self._names = names
        self._cuts_s: list[float] = []
        self._is_down = False
        self.tale = Tale()
        self.findings: list[str] = []
        self.figures: dict[str, Any] = {}

    async def run(self) -> None:
        """Runs from the first start to the last check; leaves no process behind."""
        try:
            self._gateway.start()
            self._base_files = self._gateway.open_files()
            await self._play()
            await self._end()
        finally:
            self._gateway.close()

    async def _play(self) -> None:
        boards = [
            Board(
                name, self._gateway.port, self._gateway.tokens[name], self.tale, random.Random(f"{self._seed} {name}")
            )
            for name in self._names
        ]
        tasks = [asyncio.create_task(board.live()) for board in boards]
        tasks += [asyncio.create_task(work()) for work in (self._command, self._ask_health, self._tell)]
        try:
            for share, what in ((KILL_AT, self._cut_power), (RESTART_AT, self._restart), (WARM_AT, self._weigh)):
                await self._sleep_until(share, tasks)
                await what()
            await self._sleep_until(1, tasks)
        finally:
            self.tale.is_over = True
            _, late = await asyncio.wait(tasks, timeout=2 * LEAVE_DEADLINE_S)
            for task in (*late, *tasks):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _sleep_until(self, share: float, tasks: list[asyncio.Task[None]]) -> None:
        """Waits for a point in time; whatever fails meanwhile fails the soak."""
        if not hasattr(self, "_began_s"):
            self._began_s = time.monotonic()
        left_s = self._began_s + share * self._seconds - time.monotonic()
        done, _ = await asyncio.wait(tasks, timeout=max(0.0, left_s), return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()

    # What happens to the gateway

    async def _cut_power(self) -> None:
        self._is_down = True
        self._cuts_s.append(time.monotonic())
        await asyncio.to_thread(self._gateway.end, signal.SIGKILL)
        await self._start_again()

    async def _restart(self) -> None:
        self._is_down = True
        status = await asyncio.to_thread(self._gateway.end, signal.SIGTERM)
        if status != 0:
            self.findings.append(f"SIGTERM in the middle ended the gateway with {status}")
        await self._start_again()

    async def _start_again(self) -> None:
        await asyncio.to_thread(self._gateway.start)
        self.tale.counts["restarts"] += 1
        self._is_down = False

    async def _weigh(self) -> None:
        self.figures["resident_kb_warm"] = self._gateway.resident_kb()

    # What others do meanwhile

    async def _command(self) -> None:
        """Sends commands to boards at random; one that is answered was executed."""
        chance, number = random.Random(self._seed), 0
        headers = {"authorization": f"Bearer {self._gateway.operator}"}
        async with httpx.AsyncClient(headers=headers, trust_env=False, timeout=20) as client:
            while not self.tale.is_over:
                number += 1
                url = f"{self._gateway.url}/api/devices/{chance.choice(self._names)}/commands/count"
                with contextlib.suppress(httpx.HTTPError):
                    answer = await client.post(url, json={"number": number})
                    self.tale.counts[f"commands: {answer.status_code}"] += 1
                    if answer.status_code == 200 and number not in self.tale.executed:
                        self.findings.append(f"command {number} was answered, but no board executed it")
                await asyncio.sleep(0.01)

    async def _ask_health(self) -> None:
        while not self.tale.is_over:
            was_down = self._is_down
            is_well = await asyncio.to_thread(self._gateway.is_well)
            if not (is_well or was_down or self._is_down):
                self.findings.append("/health did not answer that all is well")
            await asyncio.sleep(0.5)

    async def _tell(self) -> None:
        while not self.tale.is_over:
            counts = self.tale.counts
            self._say(f"{counts['links']} links, {counts['messages']} messages, {len(self.tale.answered)} pongs")
            for _ in range(int(PROGRESS_EVERY_S)):
                if not self.tale.is_over:
                    await asyncio.sleep(1)

    # What must hold

    async def _end(self) -> None:
        await self._all_gone()
        figures = self.figures | {"resident_kb_end": self._gateway.resident_kb()}
        figures |= {"files_base": self._base_files, "files_end": self._gateway.open_files()}
        self.figures = figures
        growth_kb = figures["resident_kb_end"] - figures["resident_kb_warm"]
        if growth_kb > GROWTH_KB_MAX:
            self.findings.append(f"memory grew by {growth_kb} KB since it was warm")
        if figures["files_end"] > figures["files_base"] + FILES_MORE_MAX:
            self.findings.append(f"{figures['files_end']} files are open, {figures['files_base']} at first")
        status = await asyncio.to_thread(self._gateway.end, signal.SIGTERM)
        if status != 0:
            self.findings.append(f"SIGTERM ended the gateway with {status}")
        self._look_at_the_journal()
        self.findings += [f"in the log: {line}" for line in self._gateway.troubles()]

    async def _all_gone(self) -> None:
        deadline_s = time.monotonic() + LEAVE_DEADLINE_S
        while online := await asyncio.to_thread(self._gateway.online):
            if time.monotonic() > deadline_s:
                self.findings.append(f"{online} boards are said to be online, and none is")
                return
            await asyncio.sleep(0.2)

    def _look_at_the_journal(self) -> None:
        kept = self._gateway.journalled_pings()
        for text, time_s in self.tale.answered.items():
            may_miss = any(cut_s - POWER_CUT_S <= time_s <= cut_s + POWER_CUT_S for cut_s in self._cuts_s)
            if kept[text] > 1 or (kept[text] == 0 and not may_miss):
                self.findings.append(f"{text} was answered and is in the journal {kept[text]} times")
        self.findings += [f"the journal has a gap: {said}" for said in self._gateway.gaps()]
