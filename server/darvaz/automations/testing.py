"""Tests automations without a gateway: boards that report what a test says, and a clock that it turns."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from darvaz.automations.boards import gw
from darvaz.automations.engine import Automations
from darvaz.automations.loading import load


class Rehearsal:
    """Runs the automations of a folder by a clock of its own; `sent` holds the commands: board, name and arguments."""

    def __init__(self, folder: str | Path, at: str = "2026-01-01 12:00", zone: str = "UTC") -> None:
        automations, problems = load(Path(folder))
        if problems:
            raise AssertionError(f"not loaded: {problems}")
        self._zone = ZoneInfo(zone)
        self._unix_s = datetime.datetime.fromisoformat(at).replace(tzinfo=self._zone).timestamp()
        self._now_s = 0.0
        self._values: dict[str, dict[str, Any]] = {}
        self._engine = Automations(automations, self._zone, self._now_s, self._unix_s)
        self.sent: list[tuple[str, str, dict[str, Any]]] = []
        self.answer: Callable[[str, str, dict[str, Any]], Any] = lambda device, name, args: None
        """Returns what a board answers to a command; may raise."""

    @property
    def now(self) -> str:
        """The time of day now, as `2026-01-01 12:00:00`."""
        return datetime.datetime.fromtimestamp(self._unix_s, self._zone).strftime("%Y-%m-%d %H:%M:%S")

    def board(self, device: str, *, groups: tuple[str, ...] = (), online: bool = True) -> None:
        """Adds a board, or has it come and go."""
        self._engine.put_device(device, groups, online, self._now_s)
        self._run()

    def reads(self, device: str, **values: Any) -> None:
        """Has a board report values."""
        if device not in self._values:
            self.board(device)
        self._values.setdefault(device, {}).update(values)
        self._engine.receive(device, values, self._now_s)
        self._run()

    def passes(self, seconds: float = 0, *, minutes: float = 0, hours: float = 0, days: float = 0) -> None:
        """Turns the clock on, and runs everything that comes due meanwhile, at its time."""
        left_s = seconds + 60 * minutes + 3_600 * hours + 86_400 * days
        while left_s > 0:
            step_s = min(left_s, max(0.001, self._engine.wait_s(self._now_s, self._unix_s)))
            left_s -= step_s
            self._now_s += step_s
            self._unix_s += step_s
            self._engine.tick(self._now_s, self._unix_s)
            self._run()

    def _run(self) -> None:
        self._engine.tick(self._now_s, self._unix_s)
        due = [each for each in self._engine.take_due() if not each.is_missed or each.automation.runs_missed]
        if due:
            asyncio.run(self._run_all([each.automation.function for each in due]))

    async def _run_all(self, functions: list[Callable[[], Awaitable[None]]]) -> None:
        gw.send, gw.read = self._send, self._read
        for function in functions:
            await function()

    async def _send(self, device: str, name: str, args: dict[str, Any]) -> Any:
        self.sent.append((device, name, args))
        return self.answer(device, name, args)

    async def _read(self, device: str) -> dict[str, Any]:
        return dict(self._values.get(device, {}))
