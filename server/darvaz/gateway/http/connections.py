"""New connections, for uvicorn's `http=`: a board's request to upgrade goes to the WebSocket without the HTTP parser.

Until its first bytes come, a connection is a transport and a deadline only. A plain request for a WebSocket
(`parse_upgrade`) is then handed to the WebSocket protocol as it is; everything else is handed to the HTTP protocol.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.config import Config
from uvicorn.server import ServerState

from darvaz.gateway.access.rate_limiter import network_of
from darvaz.gateway.http.slow_clients import PendingConnections
from darvaz.gateway.websocket.fast_upgrade import parse_upgrade

MakeProtocol = Callable[..., asyncio.Protocol]


class ConnectionFactory:
    """Makes the protocol of each new connection; `make_http` makes the one that reads HTTP."""

    def __init__(self, make_http: MakeProtocol, pending: PendingConnections) -> None:
        self._make_http = make_http
        self._pending = pending

    def __call__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> asyncio.Protocol:
        """Returns the protocol of a new connection, as uvicorn calls for it."""
        arguments = {"config": config, "server_state": server_state, "app_state": app_state, "_loop": _loop}
        return NewConnection(self._pending, self._make_http, arguments)


class NewConnection(asyncio.Protocol):
    """One connection until its first bytes."""

    __slots__ = ("_arguments", "_connections", "_deadline", "_make_http", "_network", "_pending", "_transport")

    def __init__(self, pending: PendingConnections, make_http: MakeProtocol, arguments: dict[str, Any]) -> None:
        self._pending = pending
        self._make_http = make_http
        # What uvicorn gives to a protocol class, for the protocol that takes over.
        self._arguments = arguments
        # uvicorn's set of all connections, which it shuts down at the end.
        self._connections = arguments["server_state"].connections
        # The client's network, as `_pending` counts it.
        self._network = ""
        # Runs while this connection is counted as pending.
        self._deadline: asyncio.TimerHandle | None = None
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._connections.add(self)
        peer = transport.get_extra_info("peername")
        self._network = network_of(peer[0] if isinstance(peer, tuple) and peer else None)
        if self._pending.has_room(self._network):
            self._pending.enter(self._network)
            loop = self._arguments["_loop"] or asyncio.get_running_loop()
            self._deadline = loop.call_later(self._pending.deadline_s, self._cut_off)
        else:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        make_websocket = self._arguments["config"].ws_protocol_class
        is_upgrade = make_websocket is not None and parse_upgrade(data) is not None
        self._leave()
        protocol = make_websocket(**self._arguments) if is_upgrade else self._make_http(**self._arguments)
        protocol.connection_made(self._transport)
        self._transport.set_protocol(protocol)
        protocol.data_received(data)

    def connection_lost(self, error: Exception | None) -> None:
        self._leave()

    def shutdown(self) -> None:
        """Ends the connection because the server stops."""
        self._transport.close()

    def _leave(self) -> None:
        self._connections.discard(self)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
            self._pending.leave(self._network)

    def _cut_off(self) -> None:
        # There is no request, so there is no response.
        self._transport.abort()
