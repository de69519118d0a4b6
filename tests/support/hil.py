"""A bench for tests of the pytest plugin: a gateway, and a board on a port that the plugin takes for a real one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from darvaz.boards.virtual import VirtualBoard
from darvaz.boards.virtual.firmware import write_flash
from tests.support.gateway import GatewayProcess

# Plugins of our own tests that makers do not have: loading them takes longer than all else of a start.
WITHOUT_PLUGINS = ("-p", "no:schemathesis", "-p", "no:hypothesispytest")


@dataclass(frozen=True, slots=True)
class Bench:
    """A gateway at `url`, and a board that is online there."""

    url: str
    board: VirtualBoard


@contextlib.asynccontextmanager
async def bench(
    folder: Path, kind: str = "pico", device: str = "on-the-desk", program: str | None = None
) -> AsyncIterator[Bench]:
    """Runs both until the block ends; `program` takes the place of main.py."""
    with GatewayProcess() as gateway:
        write_flash(folder / "flash", kind, device, gateway.ws_url, gateway.token(kind))
        if program is not None:
            (folder / "flash/main.py").write_text(program)
        async with VirtualBoard(kind, folder / "flash") as board:
            yield Bench(gateway.url, board)


async def pytest_in(
    folder: Path, *words: str, env: dict[str, str] | None = None, deadline_s: float = 100.0
) -> tuple[int, str]:
    """Runs pytest in a process of its own; returns its exit status and what it printed.

    The options of the run around it (PYTEST_ADDOPTS) are not for it: they change what it prints.
    """
    env = {name: value for name, value in (os.environ if env is None else env).items() if name != "PYTEST_ADDOPTS"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pytest", *WITHOUT_PLUGINS, *words,
        cwd=folder, env=env, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(deadline_s):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, output.decode(errors="replace")
