"""The HTTP protocol class for uvicorn's `http=`: a response that never ends may write straight to its transport.

An ASGI application that finds `scope["extensions"][EXTENSION]` may call its `open_body` instead of
sending `http.response.start`. It gets an outlet, and waits for `http.disconnect` as ever. Nothing
then stands between a frame and the transport: no message, no task, no chunk.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from darvaz.gateway.http.problems import problem
from darvaz.gateway.http.security_headers import HEADERS

EXTENSION = "darvaz.body"

# A viewer that vanished while there was nothing to send: asked after half a minute, gone after another.
_KEEPALIVE = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))

_NOT_HTTP = "this is no request of HTTP/1.1; if it was to be TLS, that needs a proxy in front of the gateway"


class HttpProtocol(H11Protocol):
    """One HTTP connection, with `EXTENSION` in the scope of its requests."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._body: ResponseBody | None = None
        app = self.app

        async def extended(scope: Any, receive: Any, send: Any) -> None:
            scope["extensions"] = {**scope.get("extensions", {}), EXTENSION: self}
            await app(scope, receive, send)

        self.app = extended

    def send_400_response(self, msg: str) -> None:
        """Answers what is no HTTP as any other mistake, with a problem, and ends the connection."""
        # Behind an answer that has begun there is no place for another.
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            answer = problem(400, "not_http", _NOT_HTTP, headers={"Connection": "close", **HEADERS})
            head = h11.Response(status_code=400, headers=answer.raw_headers, reason=b"Bad Request")
            for event in (head, h11.Data(data=bytes(answer.body)), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def open_body(self, headers: Sequence[tuple[bytes, bytes]], preamble: bytes) -> ResponseBody:
        """Answers 200 and returns where the body goes; it lasts as long as the connection.

        The end of the connection ends the body: old players know no chunks.
        """
        lines = [b"HTTP/1.1 200 OK", b"connection: close"]
        lines += [name + b": " + value for name, value in (*self.server_state.default_headers, *headers)]
        self._body = ResponseBody(self.transport)
        _keep_alive(self.transport)
        self.transport.write(b"\r\n".join(lines) + b"\r\n\r\n" + preamble)
        return self._body

    def shutdown(self) -> None:
        """Ends the connection because the server goes down; a body that never ends would hold it up."""
        if self._body is None:
            super().shutdown()
        else:
            self._body.end()


def connection_of(scope: Mapping[str, Any]) -> HttpProtocol:
    """Returns the connection of a request's scope; raises `RuntimeError` under a server without `EXTENSION`."""
    connection: HttpProtocol | None = scope.get("extensions", {}).get(EXTENSION)
    if connection is None:
        raise RuntimeError(f"no {EXTENSION} in the scope: `darvaz serve` runs the gateway on a server that has it")
    return connection


class ResponseBody:
    """The outlet of one viewer: its methods are the transport's own, for each frame and viewer goes through them."""

    __slots__ = ("_transport", "buffered_bytes", "write")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.write: Callable[[bytes], None] = transport.write
        self.buffered_bytes: Callable[[], int] = transport.get_write_buffer_size

    def abort(self, reason: str) -> None:
        """Cuts the connection; there is no room for a reason."""
        self._transport.abort()

    def end(self) -> None:
        """Closes the connection, and does not wait for one who does not read."""
        if self.buffered_bytes():
            self._transport.abort()
        else:
            self._transport.close()


def _keep_alive(transport: asyncio.Transport) -> None:
    """Has the system look for a peer that is silent; where it cannot, the peer stays until something is sent."""
    connection = transport.get_extra_info("socket")
    if connection is None:
        return
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEPALIVE:
            if hasattr(socket, name):
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
