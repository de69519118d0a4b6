"""The start of TLS on a new connection: the handshake, and an answer to plain HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from collections.abc import Callable
from typing import Any

from starlette.responses import Response

from darvaz.gateway.http.problems import problem
from darvaz.gateway.http.security_headers import HEADERS

# The type of a record with a handshake (RFC 8446, section 5.1); no HTTP request begins with it.
HANDSHAKE = b"\x16"
# What may come right behind a handshake, before the protocol is told of its end: one read of the transport.
EARLY_BYTES_MAX = 262_144
_REQUEST = re.compile(rb"(GET|HEAD) (/[\x21-\x7e]*) HTTP/1\.[01]\r\n")
_HOST = re.compile(rb"\r\nhost:[ \t]*([\x21-\x7e]{1,255})[ \t]*\r\n", re.IGNORECASE)
_ACCEPTS_HTML = re.compile(rb"\r\naccept:[^\r\n]*text/html", re.IGNORECASE)
_SENTENCE = "this port speaks TLS: use https:// (and wss:// for boards) instead of http:// (and ws://)"


class TlsStart:
    """Starts TLS on one connection whose first bytes were read already."""

    def __init__(
        self,
        context: ssl.SSLContext,
        transport: asyncio.Transport,
        protocol: asyncio.Protocol,
        on_ready: Callable[[asyncio.Transport], None],
        deadline_s: float,
    ) -> None:
        self._context = context
        self._transport = transport
        self._protocol = protocol
        self._on_ready = on_ready
        self._deadline_s = deadline_s
        # What was decrypted before `on_ready` was called.
        self._early: list[bytes] = []
        self._early_bytes = 0
        self._handshake: asyncio.Task[None] | None = None

    def begin(self, first: bytes) -> None:
        """Begins the handshake, with the bytes that were read."""
        loop = asyncio.get_running_loop()
        self._transport.pause_reading()
        # `start_tls` calls the TLS protocol, then lets the transport read, in the next turn of the event loop. Our own
        # bytes come right behind that in the same turn, so nothing is read before them.
        self._handshake = loop.create_task(self._shake_hands())
        loop.call_soon(loop.call_soon, self._pass_on, first)

    def keep(self, data: bytes) -> None:
        """Keeps decrypted bytes that come before `on_ready`."""
        self._early.append(data)
        self._early_bytes += len(data)
        if self._early_bytes > EARLY_BYTES_MAX:
            self._transport.abort()

    def take_early(self) -> bytes:
        """Returns what came before `on_ready`."""
        early, self._early = b"".join(self._early), []
        return early

    def close(self) -> None:
        """Ends the start; does not close the connection."""
        if self._handshake is not None:
            self._handshake.cancel()

    async def _shake_hands(self) -> None:
        # A client that does not finish, or has no common version, is a connection that ends.
        with contextlib.suppress(OSError):
            transport: Any = await asyncio.get_running_loop().start_tls(
                self._transport,
                self._protocol,
                self._context,
                server_side=True,
                ssl_handshake_timeout=self._deadline_s,
                ssl_shutdown_timeout=self._deadline_s,
            )
            if transport is not None:
                self._on_ready(transport)
                return
        self._transport.abort()
        # Before the end of the handshake, the protocol is not told by the transport.
        self._protocol.connection_lost(None)

    def _pass_on(self, first: bytes) -> None:
        # A buffered protocol, on uvloop by its methods only.
        protocol: Any = self._transport.get_protocol()
        if protocol is self._protocol or self._transport.is_closing():
            return
        while first:
            buffer = protocol.get_buffer(len(first))
            size = min(len(buffer), len(first))
            buffer[:size] = first[:size]
            protocol.buffer_updated(size)
            first = first[size:]


def plain_answer(request: bytes, is_host_allowed: Callable[[str], bool]) -> bytes:
    """Returns the answer to plain HTTP at the port of TLS: a browser is sent to https://, others get a sentence.

    Only names of the gateway are redirected to: the request may name any.
    """
    line = _REQUEST.match(request)
    host = _HOST.search(request)
    if line and host and _ACCEPTS_HTML.search(request) and is_host_allowed(host[1].decode("ascii")):
        target = f"https://{host[1].decode('ascii')}{line[2].decode('ascii')}"
        # Temporary: the owner may take the certificate away again.
        answer = Response(_SENTENCE, 307, {"Location": target, "Connection": "close", **HEADERS}, "text/plain")
    else:
        answer = problem(400, "tls_needed", _SENTENCE, headers={"Connection": "close", **HEADERS})
    lines = [f"HTTP/1.1 {answer.status_code} {'Temporary Redirect' if answer.status_code == 307 else 'Bad Request'}"]
    lines += [f"{name.decode('latin-1')}: {value.decode('latin-1')}" for name, value in answer.raw_headers]
    head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
    return head if line and line[1] == b"HEAD" else head + bytes(answer.body)
