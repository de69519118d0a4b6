"""The firmware for boards that a browser flashes, made by a process: to compile it takes a second of a processor."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import darvaz

_MODULE = "darvaz.boards.flashing.firmware_bundle"
# Where the package is: a process finds the same one that this one found.
_PACKAGES = str(Path(darvaz.__file__).resolve().parent.parent)
DEADLINE_S = 60.0
BUNDLE_BYTES_MAX = 4_000_000


class FirmwareError(Exception):
    """The firmware cannot be made; the text says why."""


class FirmwareBundles:
    """Makes one bundle after the other: two people who flash wait for each other. Used from the event loop only."""

    def __init__(self, deadline_s: float = DEADLINE_S) -> None:
        self._deadline_s = deadline_s
        self._turn = asyncio.Lock()

    async def make(self, kind: str, mpy_version: int) -> bytes:
        """Returns the JSON that the process prints; raises `FirmwareError`. Each is as the files are at that moment."""
        async with self._turn:
            path = os.pathsep.join(filter(None, (_PACKAGES, os.environ.get("PYTHONPATH"))))
            try:
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", _MODULE, kind, str(mpy_version),
                    stdout=PIPE, stderr=PIPE, env={**os.environ, "PYTHONPATH": path},
                )  # fmt: skip
            except OSError as error:
                raise FirmwareError(f"the firmware cannot be made here: {error.strerror}") from None
            try:
                async with asyncio.timeout(self._deadline_s):
                    output, errors = await process.communicate()
            except TimeoutError:
                raise FirmwareError(f"the firmware was not made in {self._deadline_s:g} s; try again") from None
            finally:
                if process.returncode is None:
                    with contextlib.suppress(ProcessLookupError):
                        process.kill()
                    await process.wait()
        if process.returncode or not 0 < len(output) <= BUNDLE_BYTES_MAX:
            reason = errors.decode(errors="replace").strip().splitlines()[-1:]
            raise FirmwareError(f"the firmware cannot be made here: {' '.join(reason) or 'nothing came'}")
        return output
