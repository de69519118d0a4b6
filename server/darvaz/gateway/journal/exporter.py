"""Reads pieces of an export in a process of their own, which is started at the first and ends by itself.

Where that cannot be, as it may not start or has ended, a thread of the gateway reads the piece: then an export is
slower and costs the boards something, but is as complete.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import msgspec
from msgspec.structs import replace

from darvaz.gateway.journal.export_process import END, FAILED, HEAD, PieceRequest
from darvaz.gateway.journal.queries import JournalFilter
from darvaz.gateway.journal.view import JournalView
from darvaz.gateway.module_process import module_environment
from darvaz.gateway.storage.read_pool import DEADLINE_S
from darvaz.gateway.storage.reading import StoreReader

log = logging.getLogger("darvaz.journal")

_MODULE = "darvaz.gateway.journal.export_process"
# Of an answer that the event loop has not taken yet.
_BUFFERED_BYTES = 512 * 1024

Piece = tuple[bytes, int | None]


class _NoAnswerError(Exception):
    """The process did not answer; the piece is to be read in another way."""


class Exporter:
    """Reads for one export after another. Used from the event loop only."""

    def __init__(self, database: Path, reader: StoreReader[JournalView], *, deadline_s: float = DEADLINE_S) -> None:
        self._database = database
        self._reader = reader
        self._deadline_s = deadline_s
        self._process: Process | None = None
        # One export at a time.
        self._turn = asyncio.Lock()
        # What the process was asked for and nobody has read: what follows the piece before, while that is sent.
        self._ahead: PieceRequest | None = None
        # Exports that wait for a piece: for one that is not alone, nothing is read ahead.
        self._waiting = 0
        # Whether a process could not be started, which is told once.
        self._is_alone = False

    async def read(self, wanted: JournalFilter, format_: str) -> Piece:
        """Returns the next entries as lines, and up to which one the journal was read; None at its end.

        Raises `StoreBusyError` and `StoreError`.
        """
        self._waiting += 1
        try:
            async with self._turn:
                try:
                    return await self._ask(PieceRequest(wanted, format_))
                except _NoAnswerError:
                    self._end()
                except BaseException:
                    # What it answers later would be taken for the answer to another request.
                    self._end()
                    raise
        finally:
            self._waiting -= 1
        return await self._reader.read(lambda journal: journal.lines(wanted, format_))

    async def close(self) -> None:
        """Ends the process, if there is one."""
        process = self._process
        self._end()
        if process is not None:
            await process.wait()

    async def _ask(self, request: PieceRequest) -> Piece:
        process = await self._running()
        assert process.stdin is not None and process.stdout is not None
        try:
            async with asyncio.timeout(self._deadline_s):
                if self._ahead != request:
                    if self._ahead is not None:
                        await _answer(process.stdout)
                    process.stdin.write(_line(request))
                self._ahead = None
                until_id, piece = await _answer(process.stdout)
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            raise _NoAnswerError(str(error)) from None
        if until_id == FAILED:
            raise _NoAnswerError("it cannot read the journal")
        if until_id == END:
            return piece, None
        if self._waiting == 1:
            self._ahead = replace(request, wanted=replace(request.wanted, after_id=until_id))
            process.stdin.write(_line(self._ahead))
        return piece, until_id

    async def _running(self) -> Process:
        """Returns the process, started if need be."""
        if self._process is not None and self._process.returncode is None:
            return self._process
        self._ahead = None
        if self._is_alone or not sys.executable:
            raise _NoAnswerError("no process can be started")
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", _MODULE, str(self._database),
                stdin=PIPE, stdout=PIPE, limit=_BUFFERED_BYTES, env=module_environment(),
            )  # fmt: skip
        except (OSError, NotImplementedError) as error:
            self._is_alone = True
            log.warning("= exports are made within the gateway, which slows boards down: %s", error)
            raise _NoAnswerError(str(error)) from None
        return self._process

    def _end(self) -> None:
        process, self._process, self._ahead = self._process, None, None
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()


def _line(request: PieceRequest) -> bytes:
    return msgspec.json.encode(request) + b"\n"


async def _answer(answers: asyncio.StreamReader) -> tuple[int, bytes]:
    until_id, size = HEAD.unpack(await answers.readexactly(HEAD.size))
    return until_id, await answers.readexactly(size)
