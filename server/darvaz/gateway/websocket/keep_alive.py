"""TCP keep-alive: a peer that vanished is noticed, while nothing is sent and while sent bytes are not received."""

from __future__ import annotations

import asyncio
import contextlib
import socket

# After 30 s without a packet, three probes, 10 s apart.
_OPTIONS = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))
# Bytes that were sent must be received within this time; by default, TCP tries for a quarter of an hour.
_USER_TIMEOUT_MS = 60_000


def keep_alive(transport: asyncio.BaseTransport) -> None:
    """Ends a connection about a minute after its peer vanished."""
    connection = transport.get_extra_info("socket")
    if connection is None:
        return
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (*_OPTIONS, ("TCP_USER_TIMEOUT", _USER_TIMEOUT_MS)):
            if hasattr(socket, name):
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
