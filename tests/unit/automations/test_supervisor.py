"""The process of automations: it fails, hangs, floods, forks and is saved, and is ended and started again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from darvaz.gateway.automation_process import supervisor
from darvaz.gateway.automation_process.sessions import members_of
from darvaz.gateway.automation_process.supervisor import AutomationSupervisor

# Each starts Python several times, and some wait until a process is known to hang.
pytestmark = [pytest.mark.timeout(150), pytest.mark.slow]

_DEADLINE_S = 100.0
HEAD = "import os, time\nfrom darvaz.automations import every\n"
WELL = HEAD + "@every(seconds=1)\nasync def beating(): pass\n"
LOOPING = HEAD + "@every(seconds=1)\nasync def looping():\n    while True: pass\n"
GREEDY = HEAD + "@every(seconds=1)\nasync def greedy(): bytearray(2**30)\n"
FLOODING = HEAD + "@every(seconds=1)\nasync def flooding():\n    while True: print('x' * 100_000)\n"
FORKING = HEAD + "for _ in range(80):\n    if not os.fork(): time.sleep(600)\n"
LEAVING = HEAD + "os._exit(3)\n"


class World:
    """A supervisor of one file, and what it journals."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "house.py"
        self.entries: list[tuple[str, str]] = []
        self.remarks: dict[str, str] = {}
        self.save(WELL)
        self._changed = asyncio.Event()
        # Nothing answers there: the automations of these tests need no board.
        self.running = AutomationSupervisor(folder, "http://127.0.0.1:9", folder, self._record, self.remarks)

    def save(self, program: str) -> None:
        self._file.write_text(program, encoding="utf-8")

    def _record(self, device: str | None, type_: str, text: str) -> None:
        self.entries.append((type_, text))
        self._changed.set()

    async def entry(self, type_: str, text: str) -> None:
        """Returns once there is a new entry of this type and with this text."""
        async with asyncio.timeout(_DEADLINE_S):
            while not any(found == type_ and text in words for found, words in self.entries):
                self._changed.clear()
                await self._changed.wait()
        self.entries.clear()


@pytest_asyncio.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr(supervisor, "ALIVE_DEADLINE_S", 6.0)
    monkeypatch.setattr(supervisor, "RETRY_FIRST_S", 0.1)
    monkeypatch.setattr(supervisor, "RETRY_MAX_S", 0.2)
    world = World(tmp_path)
    world.running.open()
    await world.entry("automations started", "house.beating")
    yield world
    await world.running.close()


@pytest.mark.parametrize(
    ("program", "type_", "text"),
    [
        (LOOPING, "automations ended", "did not answer"),
        (FLOODING, "automations ended", "did not answer"),
        (GREEDY, "automation failed", "house.greedy: MemoryError"),
        (FORKING, "automations ended", "more than 64 processes"),
        (LEAVING, "automations ended", "status 3"),
        ("while", "automation failed", "house.py was not loaded: line 1: SyntaxError"),
    ],
    ids=["looping", "flooding", "greedy", "forking", "leaving", "broken"],
)
async def test_what_goes_wrong_is_ended_and_told_and_a_saved_file_runs_again(
    world: World, program: str, type_: str, text: str
) -> None:
    first = world.running.pid

    world.save(program)
    await world.entry(type_, text)
    world.save(WELL)
    await world.entry("automations started", "house.beating")

    assert first is not None and members_of(first) == []
    assert world.running.starts >= 3


async def test_nothing_is_left_after_the_end(world: World) -> None:
    world.save(HEAD + "if not os.fork(): time.sleep(600)\n")
    await world.entry("automations started", "there are none")
    pid = world.running.pid

    await world.running.close()

    assert pid is not None and members_of(pid) == []
