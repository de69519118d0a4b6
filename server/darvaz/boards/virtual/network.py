"""The air between a virtual board and the world: every connection of the board goes through it, and it can go dead."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import struct

CONNECTIONS_MAX = 64
# Hosts and ports that a board may look up, each of them.
ROUTES_MAX = 64
_READ_BYTES = 65536
_CONNECT_DEADLINE_S = 10.0
_LAST_WORDS_S = 1.0
# Closing with nothing to linger for is a reset (RST), as from a machine where nobody listens.
_RESET = struct.pack("ii", 1, 0)


class Network:
    """Relays TCP connections on loopback to where the board wanted to go.

    While `is_dead`, nothing passes in either direction and nobody is told: connections stay open, half of them
    for nothing, as when a router loses its power.
    """

    def __init__(self) -> None:
        self._alive = asyncio.Event()
        self._alive.set()
        self._listeners: dict[tuple[str, int], socket.socket] = {}
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()
        # Oldest first; a task's value says whether its board is gone.
        self._links: dict[asyncio.Task[None], bool] = {}

    @property
    def is_dead(self) -> bool:
        """Whether nothing passes."""
        return not self._alive.is_set()

    def disconnect(self) -> None:
        """Lets nothing pass from now on."""
        self._alive.clear()

    def reconnect(self) -> None:
        """Lets everything pass again; what was held back follows."""
        self._alive.set()

    def abandon(self) -> None:
        """Leaves the far ends of all connections open, as a board does that lost its power.

        A far end learns of it when it next sends something: the board, back again, knows nothing of a connection.
        """
        for link in self._links:
            self._links[link] = True

    def route(self, host: str, port: int) -> int:
        """Returns the loopback port of the way to a host, made now where it is new; at most `ROUTES_MAX` ways."""
        key = (host, port)
        if key not in self._listeners:
            if len(self._listeners) >= ROUTES_MAX:
                raise OSError(errno.ENOBUFS, "too many ways through the air")
            self._listeners[key] = socket.create_server(("127.0.0.1", 0))
            self._keep(asyncio.ensure_future(self._listen(key)))
        found: int = self._listeners[key].getsockname()[1]
        return found

    async def close(self) -> None:
        """Ends every connection and every way."""
        for server in self._servers:
            server.close()
        for listener in self._listeners.values():
            listener.close()
        tasks = [*self._links, *self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _listen(self, key: tuple[str, int]) -> None:
        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if not self._make_room():
                _hang_up(writer)
                return
            task = asyncio.ensure_future(self._relay(key, reader, writer))
            self._links[task] = False
            task.add_done_callback(lambda done: self._links.pop(done, None))

        self._servers.append(await asyncio.start_server(accept, sock=self._listeners[key]))

    def _make_room(self) -> bool:
        if len(self._links) < CONNECTIONS_MAX:
            return True
        abandoned = [link for link, is_abandoned in self._links.items() if is_abandoned]
        for link in abandoned[:1]:
            self._links.pop(link)
            self._keep(link)
            link.cancel()
        return bool(abandoned)

    async def _relay(self, key: tuple[str, int], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._alive.wait()
            async with asyncio.timeout(_CONNECT_DEADLINE_S):
                far_reader, far_writer = await asyncio.open_connection(*key)
        except OSError:
            _hang_up(writer)
            return
        except asyncio.CancelledError:
            writer.close()
            raise
        link = asyncio.current_task()
        up = asyncio.ensure_future(self._pump(reader, far_writer, link))
        down = asyncio.ensure_future(self._pump(far_reader, writer, link))
        try:
            await asyncio.wait([up, down], return_when=asyncio.FIRST_COMPLETED)
            if self._is_abandoned(link):
                # Until the far end says something, or gives up.
                await asyncio.wait([down])
                _hang_up(far_writer)
            else:
                # What is on its way to the other end still arrives.
                await asyncio.wait([up, down], timeout=_LAST_WORDS_S)
        finally:
            for way in (up, down):
                way.cancel()
            for end in (writer, far_writer):
                end.close()

    def _is_abandoned(self, link: asyncio.Task[None] | None) -> bool:
        return link is not None and self._links.get(link, False)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: asyncio.Task[None] | None
    ) -> None:
        try:
            while data := await reader.read(_READ_BYTES):
                await self._alive.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            # An end that broke is as silent as any other while nothing passes.
            pass
        await self._alive.wait()
        with contextlib.suppress(OSError):
            if not self._is_abandoned(link):
                writer.write_eof()


def _hang_up(writer: asyncio.StreamWriter) -> None:
    plug = writer.get_extra_info("socket")
    plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.close()
