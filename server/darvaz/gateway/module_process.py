"""Runs a module of this package in a process of its own: for work that would hold up the boards."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import NamedTuple

import darvaz

# Where the package is: a process finds the same one that this one found.
_PACKAGES = str(Path(darvaz.__file__).resolve().parent.parent)


class ModuleEnd(NamedTuple):
    """How a module ended: its exit code, what it printed, and the last line of its errors, which may be empty."""

    code: int
    output: bytes
    reason: str


def module_environment() -> dict[str, str]:
    """Returns the variables with which `python -m` finds the modules of this package."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (_PACKAGES, os.environ.get("PYTHONPATH"))))}


async def run_module(module: str, *arguments: str, data: bytes | None = None, deadline_s: float) -> ModuleEnd:
    """Runs a module to its end, with `data` as its input; no process is left behind.

    Raises `TimeoutError` after the deadline, and another `OSError` where no process can be started.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments,
        stdin=None if data is None else PIPE, stdout=PIPE, stderr=PIPE, env=module_environment(),
    )  # fmt: skip
    try:
        async with asyncio.timeout(deadline_s):
            output, errors = await process.communicate(data)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    code = process.returncode
    assert code is not None
    return ModuleEnd(code, output, " ".join(errors.decode(errors="replace").strip().splitlines()[-1:]))
