"""Where the wheel of MicroPython is missing, a program of that name on the PATH runs the virtual board."""

from __future__ import annotations

import importlib.util
import shlex
from pathlib import Path

import pytest

from darvaz.boards.virtual import VirtualBoard
from tests.support.micropython import interpreter
from tests.support.mpremote import mpremote

pytestmark = [pytest.mark.timeout(90)]


async def test_a_program_on_the_path_runs_the_virtual_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start = interpreter()
    assert start is not None
    (tmp_path / "micropython").write_text(f'#!/bin/sh\nexec {shlex.join(start)} "$@"\n')
    (tmp_path / "micropython").chmod(0o755)
    found = importlib.util.find_spec
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(tmp_path), prepend=":")
        patch.setattr(importlib.util, "find_spec", lambda name: None if name == "micropython_unix" else found(name))
        async with VirtualBoard("pico", tmp_path / "flash") as board:
            answer = await mpremote(board.port, "eval", "6*7")

    assert answer.output.strip() == "42"
