"""The protocol class for uvicorn's `http=`: who sends a board's request to upgrade is let past the HTTP parser.

A connection is nothing but a transport and a deadline until its first bytes come. One plain request for a
WebSocket goes to the WebSocket's protocol as it is; everything else, to an HTTP protocol that is only made then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.config import Config
from uvicorn.server import ServerState

from darvaz.gateway.access.rate_limiter import network_of
from darvaz.gateway.http.slow_clients import Crowd
from darvaz.gateway.websocket.fast_upgrade import parse_upgrade

MakeProtocol = Callable[..., asyncio.Protocol]


class FrontDoor:
    """Makes what stands at the door, for each connection; `make_http` makes what takes over for HTTP."""

    def __init__(self, make_http: MakeProtocol, crowd: Crowd) -> None:
        self._make_http = make_http
        self._crowd = crowd

    def __call__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> asyncio.Protocol:
        """Returns the protocol of a new connection, as uvicorn asks for it."""
        given = {"config": config, "server_state": server_state, "app_state": app_state, "_loop": _loop}
        return Knock(self._crowd, self._make_http, given)


class Knock(asyncio.Protocol):
    """One connection that has not said anything yet."""

    __slots__ = ("_connections", "_crowd", "_deadline", "_given", "_make_http", "_site", "_transport")

    def __init__(self, crowd: Crowd, make_http: MakeProtocol, given: dict[str, Any]) -> None:
        self._crowd = crowd
        self._make_http = make_http
        self._given = given
        self._connections = given["server_state"].connections
        self._site = ""
        self._deadline: asyncio.TimerHandle | None = None
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._connections.add(self)
        peer = transport.get_extra_info("peername")
        self._site = network_of(peer[0] if isinstance(peer, tuple) and peer else None)
        if self._crowd.has_room(self._site):
            self._crowd.enter(self._site)
            loop = self._given["_loop"] or asyncio.get_running_loop()
            self._deadline = loop.call_later(self._crowd.deadline_s, self._cut_off)
        else:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        make_websocket = self._given["config"].ws_protocol_class
        is_upgrade = make_websocket is not None and parse_upgrade(data) is not None
        self._leave()
        taker = make_websocket(**self._given) if is_upgrade else self._make_http(**self._given)
        taker.connection_made(self._transport)
        self._transport.set_protocol(taker)
        taker.data_received(data)

    def connection_lost(self, error: Exception | None) -> None:
        self._leave()

    def shutdown(self) -> None:
        """Ends the connection because the server goes down."""
        self._transport.close()

    def _leave(self) -> None:
        self._connections.discard(self)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
            self._crowd.leave(self._site)

    def _cut_off(self) -> None:
        # Nothing was asked, so there is nothing to answer.
        self._transport.abort()
