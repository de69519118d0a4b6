"""A network that can be cut: relays of TCP in front of servers, which stop passing anything on."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

_PIECE_BYTES = 65_536


class SplitNetwork:
    """A relay to a port for the block; while it is cut, connections stay open and carry nothing."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._is_whole = asyncio.Event()
        self._is_whole.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Has nothing pass any more, in either direction."""
        self._is_whole.clear()

    def mend(self) -> None:
        """Ends `cut`; what was sent meanwhile goes through."""
        self._is_whole.set()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._copy(reader, up_writer))
                group.create_task(self._copy(up_reader, writer))
        except* OSError:
            pass
        finally:
            up_writer.close()
            writer.close()
            self._tasks.discard(task)

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            piece = await reader.read(_PIECE_BYTES)
            await self._is_whole.wait()
            if not piece:
                raise ConnectionResetError
            writer.write(piece)
            await writer.drain()
