"""The network of a virtual board: relays every connection of the board, and can stop relaying."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import struct

CONNECTIONS_MAX = 64
# Pairs of host and port to which a board may connect.
ROUTES_MAX = 64
_READ_BYTES = 65536
_CONNECT_DEADLINE_S = 10.0
_FLUSH_S = 1.0
# SO_LINGER of 0 s: closing sends a reset (RST), as from a port where no program listens.
_NO_LINGER = struct.pack("ii", 1, 0)


class Network:
    """Relays TCP connections on loopback to the hosts that the board connects to.

    While disconnected, nothing passes in either direction and no connection is closed, as when a router loses its
    power.
    """

    def __init__(self) -> None:
        # Set while bytes pass.
        self._connected = asyncio.Event()
        self._connected.set()
        # The loopback socket that leads to a host and port.
        self._listeners: dict[tuple[str, int], socket.socket] = {}
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()
        # One task for each connection, oldest first, and whether the board has abandoned it.
        self._relays: dict[asyncio.Task[None], bool] = {}

    def disconnect(self) -> None:
        """Lets nothing pass from now on."""
        self._connected.clear()

    def reconnect(self) -> None:
        """Lets everything pass again; what was held back passes first."""
        self._connected.set()

    def abandon(self) -> None:
        """Leaves the far ends of all connections open, like a board that lost its power.

        A far end gets a reset when it next sends something, as the restarted board does not know the connection.
        """
        for relay in self._relays:
            self._relays[relay] = True

    def route(self, host: str, port: int) -> int:
        """Returns the loopback port that leads to a host; raises OSError for more than `ROUTES_MAX` hosts."""
        key = (host, port)
        if key not in self._listeners:
            if len(self._listeners) >= ROUTES_MAX:
                raise OSError(errno.ENOBUFS, "too many routes")
            self._listeners[key] = socket.create_server(("127.0.0.1", 0))
            self._keep(asyncio.ensure_future(self._listen(key)))
        found: int = self._listeners[key].getsockname()[1]
        return found

    async def close(self) -> None:
        """Closes every connection and every route."""
        for server in self._servers:
            server.close()
        for listener in self._listeners.values():
            listener.close()
        tasks = [*self._relays, *self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _listen(self, key: tuple[str, int]) -> None:
        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if not self._drop_abandoned():
                _reset(writer)
                return
            task = asyncio.ensure_future(self._relay(key, reader, writer))
            self._relays[task] = False
            task.add_done_callback(lambda done: self._relays.pop(done, None))

        self._servers.append(await asyncio.start_server(accept, sock=self._listeners[key]))

    def _drop_abandoned(self) -> bool:
        if len(self._relays) < CONNECTIONS_MAX:
            return True
        abandoned = [relay for relay, is_abandoned in self._relays.items() if is_abandoned]
        for relay in abandoned[:1]:
            self._relays.pop(relay)
            self._keep(relay)
            relay.cancel()
        return bool(abandoned)

    async def _relay(self, key: tuple[str, int], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._connected.wait()
            async with asyncio.timeout(_CONNECT_DEADLINE_S):
                far_reader, far_writer = await asyncio.open_connection(*key)
        except OSError:
            _reset(writer)
            return
        except asyncio.CancelledError:
            writer.close()
            raise
        relay = asyncio.current_task()
        up = asyncio.ensure_future(self._pump(reader, far_writer, relay))
        down = asyncio.ensure_future(self._pump(far_reader, writer, relay))
        try:
            await asyncio.wait([up, down], return_when=asyncio.FIRST_COMPLETED)
            if self._is_abandoned(relay):
                # Until the far end sends something, or closes.
                await asyncio.wait([down])
                _reset(far_writer)
            else:
                # Bytes on their way to the other end still arrive.
                await asyncio.wait([up, down], timeout=_FLUSH_S)
        finally:
            for pump in (up, down):
                pump.cancel()
            for end in (writer, far_writer):
                end.close()

    def _is_abandoned(self, relay: asyncio.Task[None] | None) -> bool:
        return relay is not None and self._relays.get(relay, False)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, relay: asyncio.Task[None] | None
    ) -> None:
        try:
            while data := await reader.read(_READ_BYTES):
                await self._connected.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            # A broken end is not passed on while disconnected.
            pass
        await self._connected.wait()
        with contextlib.suppress(OSError):
            if not self._is_abandoned(relay):
                writer.write_eof()


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    writer.close()
