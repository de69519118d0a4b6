"""The HTTP protocol class for uvicorn's `http=`: a response without an end writes straight to its transport.

An ASGI application that finds `scope["extensions"][EXTENSION]` may call its `open_body` instead of
sending `http.response.start`. It gets a `ResponseBody`, and waits for `http.disconnect` as usual. Frames
then go to the transport without ASGI messages, tasks or chunks.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import h11
from starlette.types import Message, Send
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, RequestResponseCycle
from uvicorn.server import ServerState

from darvaz.gateway.http.connection_slots import ConnectionSlots
from darvaz.gateway.http.direct_requests import EXTENSION, Direct, DirectRequests
from darvaz.gateway.http.plain_requests import dump_answer
from darvaz.gateway.http.problems import problem
from darvaz.gateway.http.security_headers import HEADERS
from darvaz.gateway.websocket.keep_alive import keep_alive

__all__ = ["EXTENSION", "HttpProtocol", "ResponseBody", "connection_of"]

_CLOSE = (b"connection", b"close")
_CHUNKED = (b"transfer-encoding", b"chunked")
_TWO_LENGTHS = "the request has Content-Length and Transfer-Encoding; send one of them"
_OTHER_VERSION = "this gateway speaks HTTP/1.1"
_VERSIONS = ("1.0", "1.1")
# A header line that goes on in the next one (obs-fold), which may be refused (RFC 9112, section 5.2).
_FOLDED = re.compile(rb"\n[ \t]")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_NOT_HTTP = "this is not a request of HTTP/1.1; for TLS, run a proxy in front of the gateway"


class HttpProtocol(DirectRequests):
    """One HTTP connection, with `EXTENSION` in the scope of its requests."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        slots: ConnectionSlots,
        direct: Direct | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop, slots=slots, direct=direct)
        # The body that `open_body` began; the connection then ends with it.
        self._body: ResponseBody | None = None
        # Whether its other end is a local program; None until somebody asked.
        self.is_local_program: bool | None = None
        self.on_lost: Callable[[], None] | None = None
        """Is called when the connection has ended."""
        app = self.app

        async def extended(scope: Any, receive: Any, send: Any) -> None:
            scope["extensions"] = {**scope.get("extensions", {}), EXTENSION: self}
            cycle = self.cycle
            if _has(self.headers, b"transfer-encoding"):
                # Nothing is read after it: where its body ends may be understood in two ways (RFC 9112, section 6.1).
                self.headers.append(_CLOSE)
                if _has(self.headers, b"content-length"):
                    await problem(400, "not_http", _TWO_LENGTHS)(scope, receive, send)
                    return
            if scope["http_version"] not in _VERSIONS:
                self.headers.append(_CLOSE)
                await problem(505, "not_http", _OTHER_VERSION)(scope, receive, send)
                return
            await app(scope, receive, self._sender(cycle, send) if self._plain.is_plain else send)
            if cycle.response_started and not cycle.response_complete and self._body is None:
                # A response that was given up is not read: to close it in order would wait for that.
                self.cut_off()

        self.app = extended

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.on_lost is not None:
            self.on_lost()

    def handle_events(self) -> None:
        if self._plain.is_waiting:
            return
        # h11 joins such lines; a proxy in front may have understood two headers.
        if self.conn.their_state is h11.IDLE and _is_folded(self.conn.trailing_data[0]):
            self.send_400_response("")
        else:
            super().handle_events()

    def send_400_response(self, msg: str) -> None:
        """Answers bytes that are not HTTP with a problem, like every other error, and ends the connection."""
        # In other states the head of a response was already sent.
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            answer = problem(400, "not_http", _NOT_HTTP, headers={"Connection": "close", **HEADERS})
            head = h11.Response(status_code=400, headers=answer.raw_headers, reason=b"Bad Request")
            for event in (head, h11.Data(data=bytes(answer.body)), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _sender(self, cycle: RequestResponseCycle, send: Send) -> Send:
        """Returns what sends the answer to a plain request: in one piece, if it is plain, or else as `send` does."""
        held: Message | None = None

        async def send_plain(message: Message) -> None:
            nonlocal held
            start, held = held, None
            if start is None and not cycle.response_started and _has_length(message):
                held, cycle.response_started = message, True
            elif start is None:
                await send(message)
            elif not self._send_at_once(cycle, start, message):
                cycle.response_started = False
                await send(start)
                await send(message)

        return send_plain

    def _send_at_once(self, cycle: RequestResponseCycle, start: Message, end: Message) -> bool:
        """Sends an answer that is plain, and returns whether it is."""
        is_usual = cycle.keep_alive and not (cycle.disconnected or self.flow.write_paused or cycle.access_log)
        if end["type"] != "http.response.body" or end.get("more_body") or not is_usual or not self._plain.is_plain:
            return False
        headers = [*self.server_state.default_headers, *start["headers"]]
        status: int = start["status"]
        data = dump_answer(status, STATUS_PHRASES[status], headers, end.get("body", b""))
        if data is None:
            return False
        self._plain.note_answer()
        self.transport.write(data)
        cycle.response_complete = True
        cycle.message_event.set()
        cycle.on_response()
        return True

    def begin_stream(self) -> None:
        """Notes that the response goes on, with a limit and deadlines of its own; a client that vanished is noticed."""
        self.leave_slot()
        keep_alive(self.transport)

    def open_body(self, headers: Sequence[tuple[bytes, bytes]], preamble: bytes) -> ResponseBody:
        """Answers 200 and returns the body to write to; the body ends with the connection (RFC 9112, section 6.3).

        It is not chunked: old players of MJPEG cannot read chunks.
        """
        return self._open_body(ResponseBody(self.transport), _CLOSE, headers, preamble)

    def open_chunked_body(self, headers: Sequence[tuple[bytes, bytes]]) -> ResponseBody:
        """Answers 200 and returns the body to write to, in chunks: libraries tell its end from a broken connection."""
        # HTTP/1.0, which nginx speaks to a gateway by default, has none.
        if self.scope["http_version"] == "1.0":
            return self.open_body(headers, b"")
        return self._open_body(ChunkedBody(self.transport), _CHUNKED, headers, b"")

    def _open_body(
        self, body: ResponseBody, framing: tuple[bytes, bytes], headers: Sequence[tuple[bytes, bytes]], preamble: bytes
    ) -> ResponseBody:
        lines = [name + b": " + value for name, value in (framing, *self.server_state.default_headers, *headers)]
        self._body = body
        self.begin_stream()
        self.transport.write(b"\r\n".join([b"HTTP/1.1 200 OK", *lines]) + b"\r\n\r\n" + preamble)
        return body

    def pause_writing(self) -> None:
        if self._body is None:
            super().pause_writing()
        else:
            self._body.is_paused = True

    def resume_writing(self) -> None:
        if self._body is None:
            super().resume_writing()
        else:
            self._body.is_paused = False
            self._body.on_resumed()

    def shutdown(self) -> None:
        """Ends the connection because the server stops; a body without an end would delay that."""
        if self._body is None:
            super().shutdown()
        else:
            self._body.end()


def _is_folded(received: bytes) -> bool:
    """Whether the head of a request, as far as it is here, has a line that goes on in the next one."""
    return _FOLDED.search(_HEAD_END.split(received, 1)[0]) is not None


def _has(headers: Sequence[tuple[bytes, bytes]], name: bytes) -> bool:
    return any(key == name for key, _ in headers)


def connection_of(scope: Mapping[str, Any]) -> HttpProtocol:
    """Returns the connection of a request's scope; raises `RuntimeError` under a server without `EXTENSION`."""
    connection: HttpProtocol | None = scope.get("extensions", {}).get(EXTENSION)
    if connection is None:
        raise RuntimeError(f"no {EXTENSION} in the scope: `darvaz serve` runs the gateway on a server that has it")
    return connection


def _has_length(message: Message) -> bool:
    """Whether this begins an answer of which all is known: its body follows at once."""
    return message["type"] == "http.response.start" and _has(message.get("headers", ()), b"content-length")


def _nothing() -> None:
    """Stands where nobody waits."""


class ResponseBody:
    """Where the frames or events of a client go: `write` and `buffered_bytes` are nearly the transport's own."""

    __slots__ = ("_transport", "buffered_bytes", "is_paused", "on_resumed", "write")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        # Whether more than the transport's limit waits for the client; and what is called when it has read that.
        self.is_paused = False
        self.on_resumed: Callable[[], None] = _nothing
        self.write = self._writer(transport.write, transport.is_closing)
        self.buffered_bytes: Callable[[], int] = transport.get_write_buffer_size

    def _writer(self, write: Callable[[bytes], None], is_closing: Callable[[], bool]) -> Callable[[bytes], None]:
        """Returns what sends bytes. A client may have left and not be gone yet: uvloop raises then, in the sender."""

        def send(data: bytes) -> None:
            if not is_closing():
                write(data)

        return send

    def abort(self, reason: str) -> None:
        """Cuts the connection; HTTP has no place for the reason."""
        self._transport.abort()

    def end(self) -> None:
        """Closes the connection, at once if the client has not read everything."""
        if self.buffered_bytes():
            self._transport.abort()
        else:
            self._transport.close()


class ChunkedBody(ResponseBody):
    """A body of which each write is a chunk (RFC 9112, section 7.1)."""

    __slots__ = ()

    def _writer(self, write: Callable[[bytes], None], is_closing: Callable[[], bool]) -> Callable[[bytes], None]:
        def send(data: bytes) -> None:
            if not is_closing():
                write(b"%x\r\n%b\r\n" % (len(data), data))

        return send

    def end(self) -> None:
        if not self._transport.is_closing() and not self.buffered_bytes():
            self._transport.write(b"0\r\n\r\n")
        super().end()
