"""A maker's program for a board: which of its files belong on it, and copying those that changed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from darvaz.boards.serial import Prompt
from darvaz.pytest_plugin.errors import BenchError

FLASH_DEADLINE_S = 300.0
MAIN = "/main.py"
# Files beside a program that are not for the board; config.json has the board's own Wi-Fi and token.
_NOT_FOR_A_BOARD = (
    "__pycache__", ".*", "config*.json", "*.pyi", "tests", "test_*.py", "conftest.py", "*.toml", "venv", "node_modules"
)  # fmt: skip


def program_files(folder: Path) -> dict[str, Path]:
    """Returns a program's files by their path on the board, main.py last; raises `BenchError` without a folder."""
    if not folder.is_dir():
        raise BenchError(f"there is no folder {folder} with a program (--board-program)")
    found = {f"/{path.relative_to(folder).as_posix()}": path for path in _walk(folder)}
    return dict(sorted(found.items(), key=lambda item: (item[0] == MAIN, item[0])))


def flash(port: str, gateway: str) -> None:
    """Runs `darvaz flash`: a board comes online at the gateway, or `BenchError` has its sentence."""
    command = [sys.executable, "-m", "darvaz", "flash", "--port", port, "--gateway", gateway]
    try:
        # It must not ask: nobody can answer.
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=FLASH_DEADLINE_S
        )
    except subprocess.TimeoutExpired:
        raise BenchError(f"darvaz flash --port {port}: not done in {FLASH_DEADLINE_S:g} s") from None
    if done.returncode != 0:
        reason = done.stderr.strip() or done.stdout.strip() or f"it ended with {done.returncode}"
        raise BenchError(f"darvaz flash --port {port}: {reason}")


def install(prompt: Prompt, folder: Path) -> None:
    """Writes the files of a program that differ on the board, from its prompt; removes nothing."""
    files = program_files(folder)
    there = prompt.hash_files(list(files))
    for path, file in files.items():
        data = file.read_bytes()
        if there.get(path) != hashlib.sha256(data).hexdigest():
            prompt.write_file(path, data)


def _walk(folder: Path) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if any(fnmatch(entry.name, pattern) for pattern in _NOT_FOR_A_BOARD):
                continue
            if entry.is_dir():
                yield from _walk(Path(entry.path))
            else:
                yield Path(entry.path)
