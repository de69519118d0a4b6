"""Virtual boards of both kinds, and what code prints at their prompt."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from darvaz.boards.virtual import VirtualBoard
from tests.support.at_prompt import at_prompt

RUN_S = 40.0


@pytest.fixture(params=["pico", "esp32cam"])
async def board(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[VirtualBoard]:
    async with VirtualBoard(request.param, tmp_path / "flash") as running:
        yield running


@pytest.fixture
async def pico(tmp_path: Path) -> AsyncIterator[VirtualBoard]:
    async with VirtualBoard("pico", tmp_path / "flash") as running:
        yield running


async def printed(board: VirtualBoard, text: str) -> None:
    give_up_s = time.monotonic() + RUN_S
    while not any(line.endswith(text) for line in board.lines):
        assert time.monotonic() < give_up_s, "\n".join(board.lines)
        await asyncio.sleep(0.01)


async def run(board: VirtualBoard, code: str, meanwhile: Callable[[], None] | None = None) -> list[str]:
    """Returns the lines that code prints; `meanwhile` is called once it has printed `ready`."""
    running = asyncio.create_task(at_prompt(board, lambda prompt: prompt.exec(code, RUN_S)))
    if meanwhile is not None:
        await printed(board, "ready")
        meanwhile()
    return [line for line in str(await running).splitlines() if line != "ready"]
