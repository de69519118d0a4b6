"""New connections, for uvicorn's `http=`: a board's request to upgrade goes to the WebSocket without the HTTP parser.

Until its first bytes come, a connection is a transport and a deadline only. A plain request for a WebSocket
(`parse_upgrade`) is then handed to the WebSocket protocol as it is; everything else is handed to the HTTP protocol.
With TLS, both see what was decrypted; the handshake has the slot and the deadline of the request.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any, NamedTuple

from uvicorn.config import Config
from uvicorn.server import ServerState

from darvaz.gateway.http.board_tls import offers_psk
from darvaz.gateway.http.connection_slots import ConnectionSlots, Slot
from darvaz.gateway.http.tls_start import HANDSHAKE, TlsStart, plain_answer
from darvaz.gateway.websocket.fast_upgrade import parse_upgrade

MakeProtocol = Callable[..., Any]


class Tls(NamedTuple):
    """How connections are encrypted."""

    context: ssl.SSLContext | None
    """With a certificate; without one, plain requests are answered."""
    is_host_allowed: Callable[[str], bool]
    """Whether plain requests that name this host are sent to https://."""
    psk: ssl.SSLContext | None = None
    """For boards, which have the key; None where this Python or the settings do not offer it."""

    def context_for(self, hello: bytes) -> ssl.SSLContext | None:
        """Returns the context for a connection by its first bytes; None if they are not TLS, or cannot be."""
        if not hello.startswith(HANDSHAKE):
            return None
        return self.psk if self.psk is not None and offers_psk(hello) else self.context


class ConnectionFactory:
    """Makes the protocol of each new connection; `make_http` makes the one that reads HTTP."""

    def __init__(self, make_http: MakeProtocol, slots: ConnectionSlots, tls: Tls | None = None) -> None:
        self._make_http = make_http
        self._slots = slots
        self._tls = tls

    def __call__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> asyncio.Protocol:
        """Returns the protocol of a new connection, as uvicorn calls for it."""
        arguments = {"config": config, "server_state": server_state, "app_state": app_state, "_loop": _loop}
        return NewConnection(self._slots, self._make_http, arguments, self._tls)


class NewConnection(asyncio.Protocol):
    """One connection until its first bytes."""

    __slots__ = (
        "_address",
        "_arguments",
        "_connections",
        "_deadline",
        "_make_http",
        "_slot",
        "_slots",
        "_tls",
        "_tls_start",
        "_transport",
    )

    def __init__(
        self, slots: ConnectionSlots, make_http: MakeProtocol, arguments: dict[str, Any], tls: Tls | None = None
    ) -> None:
        self._slots = slots
        self._make_http = make_http
        # What uvicorn gives to a protocol class, for the protocol that takes over.
        self._arguments = arguments
        # Of the peer; None if it has none.
        self._address: str | None = None
        # uvicorn's set of all connections, which it shuts down at the end.
        self._connections = arguments["server_state"].connections
        # None before it has one, and after it was handed on or left.
        self._slot: Slot | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._transport: Any = None
        # None without TLS, and from the end of the handshake on.
        self._tls = tls
        # None before the handshake and from its end on.
        self._tls_start: TlsStart | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._connections.add(self)
        peer = transport.get_extra_info("peername")
        self._address = peer[0] if isinstance(peer, tuple) and peer else None
        self._slot = self._slots.enter(self._address, self)
        if self._slot is None:
            self._transport.abort()
        else:
            loop = self._arguments["_loop"] or asyncio.get_running_loop()
            self._deadline = loop.call_later(self._slots.deadline_s, self.cut_off)

    def _use_tls(self, transport: asyncio.Transport) -> None:
        """Goes on with the encrypted transport."""
        self._transport = transport
        start, self._tls_start, self._tls = self._tls_start, None, None
        early = start.take_early() if start is not None else b""
        if early:
            self.data_received(early)

    def _begin_tls(self, tls: Tls, data: bytes) -> None:
        if self._tls_start is not None:
            self._tls_start.keep(data)
        elif (context := tls.context_for(data)) is not None:
            self._tls_start = TlsStart(context, self._transport, self, self._use_tls, self._slots.deadline_s)
            self._tls_start.begin(data)
        elif tls.context is None:
            self._tls = None
            self.data_received(data)
        else:
            self._transport.write(plain_answer(data, tls.is_host_allowed))
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        if self._tls is not None:
            self._begin_tls(self._tls, data)
            return
        make_websocket = self._arguments["config"].ws_protocol_class
        request = parse_upgrade(data) if make_websocket is not None else None
        slot = None if request is not None else self._slot
        if slot is not None:
            self._slot = None
        self._leave()
        make = self._make_http if request is None else make_websocket
        protocol: Any = make(**self._arguments)
        if slot is not None:
            protocol.take_over(slot)
        protocol.connection_made(self._transport)
        self._transport.set_protocol(protocol)
        if request is None:
            protocol.data_received(data)
        else:
            protocol.receive_upgrade(request.target, request.headers, self._address)

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
        start, self._tls_start = self._tls_start, None
        if start is not None:
            start.close()
        slot, self._slot = self._slot, None
        if slot is not None:
            self._slots.leave(slot)

    def cut_off(self) -> None:
        """Ends the connection at once: there is no request, so there is no response."""
        self._transport.abort()
        if self._tls_start is not None:
            # While a handshake runs, uvloop tells nobody of the end.
            (self._arguments["_loop"] or asyncio.get_running_loop()).call_soon(self._leave)
