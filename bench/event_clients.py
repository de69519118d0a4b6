"""Clients of an event stream over plain sockets: counts their events, and the server's processor time for each."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import cast

from bench.machine import cpu_s
from bench.viewers import masked, upgrade

READY_DEADLINE_S = 20.0
SETTLE_S = 0.2


@dataclass(frozen=True)
class EventServer:
    """Where events come from and go to: the requests of a board and of a client, and how an event begins."""

    name: str
    title: str
    pid: int
    port: int
    request: bytes
    board_port: int
    board_request: bytes
    board_introduction: bytes
    message: bytes
    mark: bytes


@dataclass(frozen=True)
class EventFigures:
    """The figures of one measured stream."""

    events_per_s: float
    cpu_us: float


class _Client(asyncio.BufferedProtocol):
    """Reads as fast as it can and counts marks; all clients share one buffer."""

    _buffer = bytearray(1 << 20)

    def __init__(self, request: bytes, mark: bytes) -> None:
        self.events = 0
        self.ready = asyncio.get_running_loop().create_future()
        self._request = request
        self._mark = mark

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not subclasses of asyncio's.
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(self._request)

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.events += self._buffer.count(self._mark, 0, nbytes)
        if not self.ready.done():
            self.ready.set_result(None)


async def measure_events(server: EventServer, clients: int, events_per_s: float, window_s: float) -> EventFigures:
    """Has a board send messages at a steady rate to `clients` clients, and returns the figures."""
    board = await _connect(server.board_port, server.board_request, server.mark)
    board.transport.write(server.board_introduction)
    await asyncio.sleep(SETTLE_S)
    connections = [await _connect(server.port, server.request, server.mark) for _ in range(clients)]
    sending = asyncio.create_task(_send(board, server.message, events_per_s))
    try:
        await asyncio.sleep(SETTLE_S)
        before, before_cpu_s, began_s = _count(connections), cpu_s(server.pid), time.monotonic()
        await asyncio.sleep(window_s)
        events, took_s = _count(connections) - before, time.monotonic() - began_s
        return EventFigures(events / took_s, (cpu_s(server.pid) - before_cpu_s) * 1e6 / max(events, 1))
    finally:
        sending.cancel()
        for connection in (*connections, board):
            connection.transport.abort()
        await asyncio.sleep(SETTLE_S)


async def _connect(port: int, request: bytes, mark: bytes) -> _Client:
    _, client = await asyncio.get_running_loop().create_connection(lambda: _Client(request, mark), "127.0.0.1", port)
    await asyncio.wait_for(client.ready, READY_DEADLINE_S)
    return client


async def _send(board: _Client, message: bytes, events_per_s: float) -> None:
    due_s = time.monotonic()
    while True:
        board.transport.write(message)
        due_s += 1 / events_per_s
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))


def _count(connections: list[_Client]) -> int:
    return sum(connection.events for connection in connections)


def gateway_server(pid: int, port: int, operator: str, device: str) -> EventServer:
    """Returns the gateway as a server of events."""
    get = f"GET /api/events?types=log HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {operator}\r\n\r\n"
    return EventServer(
        name="gateway",
        title="Darvaz",
        pid=pid,
        port=port,
        request=get.encode(),
        board_port=port,
        board_request=upgrade("/ws/pico"),
        board_introduction=masked(1, b'{"type":"connect","device":"%s"}' % device.encode()),
        message=masked(1, b'{"type":"log","level":"info","message":"servo at 90 degrees","uptime_ms":471100}'),
        mark=b"event: log\n",
    )


def bare_server(pid: int, port: int, board_port: int, header: bytes) -> EventServer:
    """Returns the bare fan-out as a server of events of the same size."""
    text = b'id: 1048577000001\nevent: log\ndata: {"device":"bench-0","time":1790000000.123456,"level":"info",'
    payload = text + b'"message":"servo at 90 degrees","uptime_ms":471100}\n\n'
    packet = len(payload).to_bytes(4, "big") + payload
    return EventServer("bare", "bare transport.write", pid, port, b"", board_port, b"", b"", packet, header)
