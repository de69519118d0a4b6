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

from darvaz.gateway.http.connection_slots import ConnectionSlots, Slot
from darvaz.gateway.websocket.fast_upgrade import parse_upgrade

MakeProtocol = Callable[..., Any]


class ConnectionFactory:
    """Makes the protocol of each new connection; `make_http` makes the one that reads HTTP."""

    def __init__(self, make_http: MakeProtocol, slots: ConnectionSlots) -> None:
        self._make_http = make_http
        self._slots = slots

    def __call__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> asyncio.Protocol:
        """Returns the protocol of a new connection, as uvicorn calls for it."""
        arguments = {"config": config, "server_state": server_state, "app_state": app_state, "_loop": _loop}
        return NewConnection(self._slots, self._make_http, arguments)


class NewConnection(asyncio.Protocol):
    """One connection until its first bytes."""

    __slots__ = ("_arguments", "_connections", "_deadline", "_make_http", "_slot", "_slots", "_transport")

    def __init__(self, slots: ConnectionSlots, make_http: MakeProtocol, arguments: dict[str, Any]) -> None:
        self._slots = slots
        self._make_http = make_http
        # What uvicorn gives to a protocol class, for the protocol that takes over.
        self._arguments = arguments
        # uvicorn's set of all connections, which it shuts down at the end.
        self._connections = arguments["server_state"].connections
        # None before it has one, and after it was handed on or left.
        self._slot: Slot | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._connections.add(self)
        peer = transport.get_extra_info("peername")
        self._slot = self._slots.enter(peer[0] if isinstance(peer, tuple) and peer else None, self)
        if self._slot is None:
            self._transport.abort()
        else:
            loop = self._arguments["_loop"] or asyncio.get_running_loop()
            self._deadline = loop.call_later(self._slots.deadline_s, self.cut_off)

    def data_received(self, data: bytes) -> None:
        make_websocket = self._arguments["config"].ws_protocol_class
        is_upgrade = make_websocket is not None and parse_upgrade(data) is not None
        slot = None if is_upgrade else self._slot
        if slot is not None:
            self._slot = None
        self._leave()
        protocol: Any = make_websocket(**self._arguments) if is_upgrade else self._make_http(**self._arguments)
        if slot is not None:
            protocol.take_over(slot)
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
        slot, self._slot = self._slot, None
        if slot is not None:
            self._slots.leave(slot)

    def cut_off(self) -> None:
        """Ends the connection at once: there is no request, so there is no response."""
        self._transport.abort()
