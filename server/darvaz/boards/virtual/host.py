"""Answers the stubs of one virtual board over a loopback connection: a line of JSON each way, then bytes."""

from __future__ import annotations

import asyncio
import json
import secrets

from darvaz.boards.parts.wired import TRANSFER_BYTES_MAX
from darvaz.boards.virtual.hardware import Hardware

REQUEST_BYTES_MAX = 4096


class Host:
    """A loopback server; a connection must send `key` first."""

    def __init__(self, hardware: Hardware) -> None:
        self.key = secrets.token_hex(16)
        self.port = 0
        self._hardware = hardware
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Starts listening; `port` is known from then on."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=REQUEST_BYTES_MAX)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stops listening and answering."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if (await reader.readline()).strip() == self.key.encode():
                await self._answer_all(reader, writer)
        except (OSError, ValueError, EOFError):
            # The board was reset in the middle of a request.
            pass
        finally:
            writer.close()

    async def _answer_all(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            request = json.loads(line)
            sent = await reader.readexactly(_checked_size(request.get("sent_bytes", 0)))
            reply, data = self._hardware.answer(request, sent)
            writer.write(json.dumps(reply).encode() + b"\n" + data)
            await writer.drain()


def _checked_size(size_bytes: int) -> int:
    if not 0 <= size_bytes <= TRANSFER_BYTES_MAX:
        raise ValueError(f"a transfer of {size_bytes} bytes")
    return size_bytes
