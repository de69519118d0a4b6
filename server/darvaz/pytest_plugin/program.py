"""A maker's program for a board: which of its files belong on it, and copying those that changed."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from darvaz.boards.program import ProgramError, find_program, program_files
from darvaz.boards.serial import Prompt
from darvaz.pytest_plugin.errors import BenchError

FLASH_DEADLINE_S = 300.0


def board_files(folder: Path) -> dict[str, Path]:
    """Returns a program's files by their path on the board, main.py last; raises `BenchError` without a folder."""
    try:
        program = find_program(folder)
        return program.files() if program is not None else program_files(folder)
    except ProgramError as error:
        raise BenchError(f"{error} (--board-program)") from None


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
    files = board_files(folder)
    there = prompt.hash_files(list(files))
    for path, file in files.items():
        data = file.read_bytes()
        if there.get(path) != hashlib.sha256(data).hexdigest():
            prompt.write_file(path, data)
