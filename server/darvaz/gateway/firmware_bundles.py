"""The firmware for boards that a browser flashes, made by a process: to compile it takes a second of a processor."""

from __future__ import annotations

import asyncio

from darvaz.gateway.module_process import run_module

_MODULE = "darvaz.boards.flashing.firmware_bundle"
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
            try:
                end = await run_module(_MODULE, kind, str(mpy_version), deadline_s=self._deadline_s)
            except TimeoutError:
                raise FirmwareError(f"the firmware was not made in {self._deadline_s:g} s; try again") from None
            except OSError as error:
                raise FirmwareError(f"the firmware cannot be made here: {error.strerror}") from None
        if end.code or not 0 < len(end.output) <= BUNDLE_BYTES_MAX:
            raise FirmwareError(f"the firmware cannot be made here: {end.reason or 'nothing came'}")
        return end.output
