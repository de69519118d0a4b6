"""`darvaz watch` and `darvaz run`: what is saved runs on the board at once, and at the end the program before does."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway import GatewayProcess
from tests.support.updates import make_board, program, until_online

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
DEADLINE_S = 60.0


class Verb:
    """`darvaz watch` or `darvaz run` in a process, with what it says in a file."""

    def __init__(self, gateway: GatewayProcess, log: Path, *words: str) -> None:
        self._command = (sys.executable, "-m", "darvaz", *words, "--device", "lamp", "--gateway", gateway.url)
        self._log = log

    async def __aenter__(self) -> Verb:
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(*self._command, stdout=log, stderr=log)
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    @property
    def text(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    async def stop(self) -> int:
        self._process.send_signal(signal.SIGINT)
        return await asyncio.wait_for(self._process.wait(), DEADLINE_S)


async def until(is_reached: Callable[[], object], verb: Verb) -> None:
    give_up_s = time.monotonic() + DEADLINE_S
    while not await asyncio.to_thread(is_reached):
        assert time.monotonic() < give_up_s, verb.text
        await asyncio.sleep(0.1)


def release_of(gateway: GatewayProcess) -> Any:
    return gateway.post("/api/devices/lamp/commands/release").json().get("result")


def commands_of(gateway: GatewayProcess) -> Any:
    about = gateway.get("/api/devices/lamp").json()
    return set(about["commands"]) if about["online"] else set()


async def test_each_save_runs_and_a_broken_one_is_told(gateway: GatewayProcess, tmp_path: Path) -> None:
    folder = tmp_path / "lamp"
    folder.mkdir()
    (folder / "main.py").write_bytes(program(1))
    (folder / "colours.py").write_bytes(b"WARM = 1\n")
    async with make_board(tmp_path / "flash", gateway, "lamp"):
        await until_online(gateway, "lamp")
        async with Verb(gateway, tmp_path / "watch.txt", "watch", str(folder)) as watch:
            await until(lambda: release_of(gateway) == 1, watch)
            (folder / "main.py").write_bytes(program(2))
            await until(lambda: release_of(gateway) == 2, watch)
            (folder / "main.py").write_bytes(b"import board\nboard.nothing_there\n")
            await until(lambda: "runs the program before" in watch.text, watch)
            (folder / "main.py").write_bytes(program(3))
            await until(lambda: release_of(gateway) == 3, watch)
            code = await watch.stop()
            await until(lambda: "pan" in commands_of(gateway), watch)
        crashes = gateway.get("/api/crashes?device=lamp").json()["crashes"]

    assert code == 0, watch.text
    assert "changed: colours.py, main.py" in watch.text and "changed: main.py" in watch.text
    assert "AttributeError" in watch.text and 'File "main.py", line 2' in watch.text
    assert [(crash["reason"], crash["count"]) for crash in crashes] == [("start", 1)]
    assert crashes[0]["title"].startswith("AttributeError")


async def test_a_file_runs_until_the_end_of_the_command(gateway: GatewayProcess, tmp_path: Path) -> None:
    (tmp_path / "try.py").write_bytes(program(7))
    async with make_board(tmp_path / "flash", gateway, "lamp"):
        await until_online(gateway, "lamp")
        async with Verb(gateway, tmp_path / "run.txt", "run", str(tmp_path / "try.py")) as run:
            await until(lambda: release_of(gateway) == 7, run)
            code = await run.stop()
            await until(lambda: "pan" in commands_of(gateway), run)
        targets = gateway.get("/api/rollouts").json()["rollouts"][0]["targets"]

    assert code == 0, run.text
    assert [(target["state"], target["reason"]) for target in targets] == [("ended", "")]
