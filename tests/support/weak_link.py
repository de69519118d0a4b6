"""A slow radio link: carries a limited number of bytes a second to the gateway; the rest waits at the board."""

from __future__ import annotations

import asyncio
import socket
from types import TracebackType
from typing import Self

_PIECE_BYTES = 2048


class WeakLink:
    """A relay in front of a gateway for the block; its rate may be changed at any time."""

    def __init__(self, gateway_port: int, bytes_per_s: float) -> None:
        self.bytes_per_s = bytes_per_s
        self.ws_url = ""
        self._gateway_port = gateway_port
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server

    async def __aenter__(self) -> Self:
        listener = socket.socket()
        # A small window: what does not go through must wait where the frames are made.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _PIECE_BYTES)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        self.ws_url = f"ws://127.0.0.1:{listener.getsockname()[1]}"
        self._server = await asyncio.start_server(self._relay, sock=listener, limit=_PIECE_BYTES)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._gateway_port)
        down = asyncio.create_task(_copy(up_reader, writer))
        try:
            while piece := await reader.read(_PIECE_BYTES):
                up_writer.write(piece)
                await up_writer.drain()
                await asyncio.sleep(len(piece) / self.bytes_per_s)
        except ConnectionError:
            pass
        finally:
            down.cancel()
            up_writer.close()
            writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(_PIECE_BYTES):
        writer.write(piece)
        await writer.drain()
