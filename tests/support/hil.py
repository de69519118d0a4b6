"""A bench for tests of the pytest plugin: a gateway, and a board on a port that the plugin takes for a real one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from darvaz.boards.virtual import VirtualBoard
from darvaz.boards.virtual.firmware import write_flash
from tests.support.fork_server import ForkedProcess, can_fork
from tests.support.forked_pytest import NOT_OF_MAKERS, start_pytest
from tests.support.gateway import GatewayProcess
from tests.support.updates import until_online

# Loading them takes longer than all else of a start.
WITHOUT_PLUGINS = tuple(word for name in NOT_OF_MAKERS for word in ("-p", f"no:{name}"))


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
            await until_online(gateway, device)
            yield Bench(gateway.url, board)


async def pytest_in(
    folder: Path, *words: str, env: dict[str, str] | None = None, deadline_s: float = 100.0, is_exec: bool = False
) -> tuple[int, str]:
    """Runs pytest in a process of its own; returns its exit status and what it printed.

    It is a fork of the fork server unless `is_exec`. The options of the run around it (PYTEST_ADDOPTS) are not for it:
    they change what it prints.
    """
    env = {name: value for name, value in (os.environ if env is None else env).items() if name != "PYTEST_ADDOPTS"}
    words = (*WITHOUT_PLUGINS, *words)
    with tempfile.TemporaryFile() as output:
        process = await asyncio.to_thread(_start, words, folder, env, output, None, is_exec)
        try:
            code = await asyncio.to_thread(process.wait, deadline_s)
        finally:
            process.kill()
        output.seek(0)
        return code, output.read().decode(errors="replace")


def run_pytest(pytester: pytest.Pytester, *words: str, deadline_s: float = 80.0) -> pytest.RunResult:
    """Runs pytest on a maker's files in a process of its own, as `pytester.runpytest_subprocess` does."""
    words = (*WITHOUT_PLUGINS, "-p", "no:xdist", *words)
    began_s = time.monotonic()
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = _start(words, pytester.path, dict(os.environ), output, errors, is_exec=False)
        try:
            code = process.wait(deadline_s)
        finally:
            process.kill()
        texts = []
        for stream in (output, errors):
            stream.seek(0)
            texts.append(stream.read().decode(errors="replace"))
            print(texts[-1])
    out, err = (text.splitlines() for text in texts)
    return pytest.RunResult(code, out, err, time.monotonic() - began_s)


def _start(
    words: Sequence[str],
    folder: Path,
    env: dict[str, str],
    output: IO[bytes],
    errors: IO[bytes] | None,
    is_exec: bool,
) -> ForkedProcess | subprocess.Popen[bytes]:
    if can_fork(env) and not is_exec:
        return start_pytest(words, folder, env, output, errors)
    command, nothing = [sys.executable, "-m", "pytest", *words], subprocess.DEVNULL
    return subprocess.Popen(command, cwd=folder, env=env, stdin=nothing, stdout=output, stderr=errors or output)
