"""The air between a virtual board and the world: every connection of the board goes through it, and it can go dead."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

_READ_BYTES = 65536
_CONNECT_DEADLINE_S = 10.0
CONNECTIONS_MAX = 64
# Closing with nothing to linger for is a reset (RST), as from a machine where nobody listens.
_RESET = struct.pack("ii", 1, 0)


class Air:
    """Relays TCP connections on loopback to where the board wanted to go.

    While `is_dead`, nothing passes in either direction and nobody is told: connections stay open, half of them
    for nothing, as when a router loses its power.
    """

    def __init__(self) -> None:
        self._alive = asyncio.Event()
        self._alive.set()
        self._servers: dict[tuple[str, int], asyncio.Server] = {}
        self._ports: dict[tuple[str, int], int] = {}
        self._listening: set[asyncio.Task[None]] = set()
        self._links: set[asyncio.Task[None]] = set()

    @property
    def is_dead(self) -> bool:
        """Whether nothing passes."""
        return not self._alive.is_set()

    def die(self) -> None:
        """Lets nothing pass from now on."""
        self._alive.clear()

    def live(self) -> None:
        """Lets everything pass again; what was held back follows."""
        self._alive.set()

    def route(self, host: str, port: int) -> int:
        """Returns the loopback port of the way to a host, made now where it is new."""
        key = (host, port)
        if key not in self._ports:
            listener = socket.create_server(("127.0.0.1", 0))
            self._ports[key] = listener.getsockname()[1]
            task = asyncio.ensure_future(self._listen(key, listener))
            self._listening.add(task)
            task.add_done_callback(self._listening.discard)
        return self._ports[key]

    async def close(self) -> None:
        """Ends every connection and every way."""
        for server in self._servers.values():
            server.close()
        tasks = [*self._links, *self._listening]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self, key: tuple[str, int], listener: socket.socket) -> None:
        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(self._relay(key, reader, writer))
            self._links.add(task)
            task.add_done_callback(self._links.discard)

        self._servers[key] = await asyncio.start_server(accept, sock=listener)

    async def _relay(self, key: tuple[str, int], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._links) > CONNECTIONS_MAX:
            _hang_up(writer)
            return
        try:
            await self._alive.wait()
            async with asyncio.timeout(_CONNECT_DEADLINE_S):
                far_reader, far_writer = await asyncio.open_connection(*key)
        except OSError:
            _hang_up(writer)
            return
        ways = [
            asyncio.ensure_future(self._pump(reader, far_writer)),
            asyncio.ensure_future(self._pump(far_reader, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            # What is on its way to the other end still arrives.
            await asyncio.wait(ways, timeout=1)
        finally:
            for way in ways:
                way.cancel()
            for end in (writer, far_writer):
                end.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_READ_BYTES):
                await self._alive.wait()
                writer.write(data)
                await writer.drain()
            await self._alive.wait()
            if writer.can_write_eof():
                writer.write_eof()


def _hang_up(writer: asyncio.StreamWriter) -> None:
    plug = writer.get_extra_info("socket")
    plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.close()
