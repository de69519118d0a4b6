"""The WebSocket protocol class for uvicorn's `ws=`: one connection between transport and listener.

The bytes of one segment become one batch of packets; what is written meanwhile is sent in one piece. The
ASGI application is the first listener (`AsgiCall`); `interface.py` says how another one is attached.
"""

from __future__ import annotations

import asyncio
import enum
import logging
from collections.abc import Callable
from typing import Any, Final, cast

from uvicorn.config import Config
from uvicorn.protocols.utils import is_ssl
from uvicorn.server import ServerState

from darvaz.gateway.websocket.asgi import AsgiCall, make_scope
from darvaz.gateway.websocket.flow_control import Flow
from darvaz.gateway.websocket.handshake import (
    Headers,
    Request,
    Unacceptable,
    check_request,
    dump_acceptance,
    dump_denial,
    parse_request,
)
from darvaz.gateway.websocket.interface import Listener, Upgrades
from darvaz.gateway.websocket.keep_alive import keep_alive
from darvaz.gateway.websocket.packets import FAILED, LOST, RESTARTING, TOO_LARGE, Opcode, dump_close, dump_packet
from darvaz.gateway.websocket.parser import Item, Parser, PeerClose, Ping, Violation

log = logging.getLogger("darvaz.link")

# How long a peer may take to answer a close; less while the gateway stops.
CLOSE_DEADLINE_S = 5.0
STOP_DEADLINE_S: Final = 1.0
# At most these packets of a connection are handled in one turn of the event loop, before the others have theirs.
PACKETS_PER_TURN_MAX: Final = 256
# At most these packets are read after our close, while the peer's is awaited.
LATE_PACKETS_MAX: Final = 2_048


class ConnectionState(enum.Enum):
    """The state of a connection; the order is that of time."""

    CONNECTING = enum.auto()
    DECIDING = enum.auto()
    OPEN = enum.auto()
    CLOSING = enum.auto()
    CLOSED = enum.auto()


# Reading a member of an enumeration costs more than the comparison.
_OPEN: Final = ConnectionState.OPEN


class WebSocketProtocol(Flow):
    """One WebSocket, made for each request to upgrade."""

    __slots__ = (
        "_accept",
        "_app_state",
        "_config",
        "_late_packets",
        "_listener",
        "_on_ping",
        "_parser",
        "_server_state",
        "_state",
        "_upgrades",
    )

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        upgrades: Upgrades | None = None,
    ) -> None:
        super().__init__(_loop or asyncio.get_running_loop())
        self._config = config
        # Answers what it can before the application is asked.
        self._upgrades = upgrades
        self._server_state = server_state
        # What the application set when the server started; each scope gets a copy.
        self._app_state = app_state
        self._parser = Parser(config.ws_max_size, config.ws_max_size)
        self._state = ConnectionState.CONNECTING
        # Who receives packets: the `AsgiCall` first; None before the handshake and after the end.
        self._listener: Listener | None = None
        # Answers pings; None: they are answered at once.
        self._on_ping: Callable[[bytes], None] | None = None
        # How many packets came after our close.
        self._late_packets = 0
        # The Sec-WebSocket-Accept, while the handshake awaits its decision.
        self._accept = b""

    # Called by the transport and the server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._server_state.connections.add(cast(Any, self))

    def data_received(self, data: bytes) -> None:
        if self._state is _OPEN and not self._held:
            self._read(data)
        elif self._state is ConnectionState.CONNECTING:
            self._begin(parse_request(data))
        else:
            self._parser.keep(data)
            if self._state is ConnectionState.DECIDING:
                # The client did not wait for the answer: it is read after that.
                self._transport.pause_reading()
            else:
                self._read()

    def receive_upgrade(self, target: bytes, headers: Headers, address: str | None) -> None:
        """Takes the request of a new connection that somebody has parsed, instead of its bytes."""
        request = check_request(target, headers)
        if self._upgrades is None or isinstance(request, Unacceptable) or not self._is_answered(request, address):
            self._begin(request)

    def connection_lost(self, error: Exception | None) -> None:
        self._server_state.connections.discard(cast(Any, self))
        self._end(LOST, "")

    def shutdown(self) -> None:
        """Ends the connection because the server stops."""
        if self._state is ConnectionState.DECIDING:
            self.deny(503, [], b"the gateway is restarting")
        elif self._state is not _OPEN:
            self._transport.close()
        else:
            assert self._listener is not None
            self._listener.stop()
            self.close(RESTARTING, "")
            self._set_timer(STOP_DEADLINE_S)

    # The handshake

    def _begin(self, request: Request | Unacceptable) -> None:
        if isinstance(request, Unacceptable):
            self.deny(request.status, [*request.headers], request.sentence.encode())
            return
        self._state = ConnectionState.DECIDING
        self._accept = request.accept
        scope = make_scope(self._config, self._transport, request, self._app_state.copy(), self)
        call = AsgiCall(self, self._config.loaded_app, scope)
        self._listener = call
        task = self._loop.create_task(call.run())
        self._server_state.tasks.add(task)
        task.add_done_callback(self._server_state.tasks.discard)

    def _is_answered(self, request: Request, address: str | None) -> bool:
        """Has the handshake answered without the application; returns false if that is to do it."""
        self._state, self._accept = ConnectionState.DECIDING, request.accept
        try:
            return cast(Upgrades, self._upgrades).answer(
                self, request, address, "wss" if is_ssl(self._transport) else "ws"
            )
        except Exception:
            log.exception("= a handshake could not be answered: a mistake of the gateway")
            self.deny(500, [], b"the gateway could not answer")
            self.close(FAILED, "")
            return True

    def accept(self, headers: Headers, subprotocol: str | None) -> None:
        """Opens the WebSocket, for the application."""
        if self._state is not ConnectionState.DECIDING:
            return
        answer = dump_acceptance(self._accept, [*self._server_state.default_headers, *headers], subprotocol)
        self._state, self._accept = ConnectionState.OPEN, b""
        self._transport.write(answer)
        if self._parser.buffered_bytes:
            self._transport.resume_reading()
            self._loop.call_soon(self._read)

    def deny(self, status: int, headers: Headers, body: bytes) -> None:
        """Answers the handshake with an HTTP response, for the application, and ends the connection."""
        if self._state in (ConnectionState.CONNECTING, ConnectionState.DECIDING):
            answer = dump_denial(status, [*self._server_state.default_headers, *headers], body)
            self._state = ConnectionState.CLOSING
            self._transport.write(answer)
            self._hang_up()

    # Called by listeners

    @property
    def awaits_decision(self) -> bool:
        """Whether the handshake is not answered yet."""
        return self._state is ConnectionState.DECIDING

    @property
    def is_open(self) -> bool:
        return self._state is _OPEN

    def attach(self, listener: Listener) -> None:
        """Makes this the listener; if the connection is over, calls its `end` at once."""
        before = self._listener
        if self._state is ConnectionState.CLOSED:
            listener.end(LOST, "")
            return
        self._listener = listener
        if isinstance(before, AsgiCall) and (waiting := before.detach()):
            listener.receive_packets(waiting)

    def is_listener(self, listener: Listener) -> bool:
        """Whether packets go to this listener."""
        return self._listener is listener

    def limit(self, text_bytes_max: int, binary_bytes_max: int, *, one_by_one: bool = False) -> None:
        """Sets the largest messages from now on."""
        self._parser.limit(text_bytes_max, binary_bytes_max, one_by_one=one_by_one)

    def answer_pings(self, answer: Callable[[bytes], None]) -> None:
        """Has pings answered by this, in order with the messages."""
        self._on_ping = answer

    def write(self, packet: bytes, count: int = 1) -> None:
        """Writes a packet of `packets` `count` times, joined with the others of this turn of the event loop."""
        if self._state is _OPEN:
            self._push(packet if count == 1 else packet * count)

    def write_now(self, packet: bytes) -> None:
        """Writes a packet at once, after all that was written before."""
        if self._state is _OPEN:
            self._push_now(packet)

    def keep_alive(self) -> None:
        """Has the connection end when its peer vanished, also while nothing is sent."""
        keep_alive(self._transport)

    def close(self, code: int, reason: str) -> None:
        """Sends a close; nothing is written after it, and a peer that does not answer is cut off."""
        if self._state is not _OPEN:
            return
        self._push(dump_close(code, reason))
        self._state = ConnectionState.CLOSING
        self._set_timer(CLOSE_DEADLINE_S)
        # The peer's close must still be read.
        self.resume_reading()

    def abort(self, reason: str) -> None:
        """Cuts the connection off at once; the listener's `end` gets the reason."""
        self._end(LOST, reason)
        self._transport.abort()

    # Reading

    def _read(self, data: bytes = b"") -> None:
        """Delivers the bytes that arrived, batch by batch, and sends the replies to each batch in one piece.

        After `PACKETS_PER_TURN_MAX` packets the rest waits until the other connections have had their turn.
        An exception of a listener ends the connection: the transport closes it.
        """
        parser = self._parser
        packets = 0
        self._is_batching = True
        while not self._held:
            items = parser.parse(data)
            if parser.has_control:
                self._deliver_each(items)
            elif items and self._state is _OPEN and self._listener is not None:
                self._listener.receive_packets(items)  # type: ignore[arg-type]  # there are only messages
            if self._out:
                self.flush()
            if self._state is not _OPEN:
                self._count_late(len(items) + parser.overhead)
            if not parser.has_more:
                break
            packets += len(items) + parser.overhead
            if packets >= PACKETS_PER_TURN_MAX:
                self._give_way()
            data = b""
        self._is_batching = False

    def _deliver_each(self, items: list[Item]) -> None:
        packets: list[str | bytes] = []
        for item in items:
            if isinstance(item, str | bytes):
                packets.append(item)
                continue
            self._deliver(packets)
            packets = []
            match item:
                case Ping(payload) if self._on_ping is not None:
                    self._on_ping(payload)
                case Ping(payload):
                    self.write(dump_packet(Opcode.PONG, payload))
                case PeerClose(code, reason):
                    self._receive_close(code, reason)
                case Violation():
                    self._fail(item)
        self._deliver(packets)
        overhead = self._parser.overhead
        if overhead and self._state is _OPEN and self._listener is not None:
            self._listener.receive_overhead(overhead)

    def _count_late(self, packets: int) -> None:
        """Counts what came after our close; from a peer that does not stop, nothing more is read."""
        self._late_packets += packets
        if self._late_packets > LATE_PACKETS_MAX:
            self._stop_reading()

    def _deliver(self, packets: list[str | bytes]) -> None:
        if packets and self._state is _OPEN and self._listener is not None:
            self._listener.receive_packets(packets)

    def _receive_close(self, code: int, reason: str) -> None:
        """Answers a close, and then ends the connection (RFC 6455, section 7.1.1)."""
        if self._state is _OPEN:
            self.close(code, "")
        self.flush()
        self._end(code, reason)
        self._hang_up()

    def _fail(self, violation: Violation) -> None:
        """Closes a connection on which nothing more can be read."""
        if violation.code == TOO_LARGE and self._state is _OPEN:
            assert self._listener is not None
            self._listener.receive_oversized(violation.is_text)
        self.close(violation.code, violation.reason)
        self.flush()
        # To close the socket now would reset the connection, and the peer would lose the close packet.
        if self._transport.can_write_eof() and not self._transport.is_closing():
            self._transport.write_eof()

    def _hang_up(self) -> None:
        """Closes the transport when everything is sent; a peer that does not read it is cut off."""
        self._transport.close()
        self._set_timer(CLOSE_DEADLINE_S)

    def _end(self, code: int, reason: str) -> None:
        """Ends the connection for the listener, once, and drops what is kept."""
        self._state = ConnectionState.CLOSED
        self._set_timer(None)
        self._parser.end()
        self._out.clear()
        self._wake_drained()
        listener, self._listener = self._listener, None
        self._on_ping = None
        if listener is not None:
            listener.end(code, reason)
