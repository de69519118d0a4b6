"""An application called in process: HTTP responses arrive in pieces as they are sent, WebSockets packet by packet."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any
from urllib.parse import unquote

import httpx
from starlette.types import ASGIApp
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK, InvalidStatus
from websockets.frames import Close
from websockets.http11 import Response

from darvaz.gateway.http.server_protocol import EXTENSION as BODY_EXTENSION
from darvaz.gateway.websocket.interface import EXTENSION, Listener
from darvaz.gateway.websocket.packets import (
    LENGTH_BITS,
    LENGTH_IN_2_BYTES,
    LENGTH_IN_8_BYTES,
    LOST,
    NORMAL,
    OPCODE_BITS,
    TOO_LARGE,
    Opcode,
)

Message = dict[str, Any]

_DEADLINE_S = 15.0
_CLIENT_PORT = 40_000


class AppTransport(httpx.AsyncBaseTransport):
    """Sends the requests of an httpx client to an application.

    httpx.ASGITransport returns a response when it is complete; streams without an end need this one.
    """

    def __init__(self, app: ASGIApp, address: str) -> None:
        self._app = app
        self._address = address

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        scope = _scope("http", request.url.raw_path, request.headers.raw, self._address)
        scope |= {"method": request.method, "scheme": request.url.scheme}
        exchange = _Exchange(self._app, scope, body)
        try:
            status, headers = await exchange.start()
        except asyncio.CancelledError:
            # The client has left.
            await exchange.aclose()
            raise
        return httpx.Response(status, headers=headers, stream=exchange)


class _Exchange(httpx.AsyncByteStream):
    """One request: runs the application, and is the body of its response."""

    def __init__(self, app: ASGIApp, scope: Message, body: bytes) -> None:
        self._requests: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
        self._head: asyncio.Future[tuple[int, list[tuple[bytes, bytes]]]] = asyncio.get_running_loop().create_future()
        # One piece under way, so that an application that sends to a slow reader has to wait.
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue(1)
        self._has_left = asyncio.Event()
        # As those of a connection: `open_body` and what follows.
        self.is_lost = False
        self.on_lost: Callable[[], None] | None = None
        # What `open_body` returned.
        self._body: MemoryBody | None = None
        scope["extensions"] = {BODY_EXTENSION: self}
        self._task = asyncio.ensure_future(self._run(app, scope))

    async def start(self) -> tuple[int, list[tuple[bytes, bytes]]]:
        """Returns status and headers as soon as the application has sent them."""
        await asyncio.wait((self._head, self._task), return_when=asyncio.FIRST_COMPLETED)
        if not self._head.done():
            await self._task
        return self._head.result()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (piece := await self._pieces.get()) is not None:
            if self._body is not None:
                self._body.note_read(piece)
            yield piece

    async def aclose(self) -> None:
        """Leaves, as a client that closes its connection, and waits until the application has ended."""
        self._has_left.set()
        self.is_lost = True
        if self.on_lost is not None:
            self.on_lost()
        async with asyncio.timeout(_DEADLINE_S):
            await self._task

    def begin_stream(self) -> None:
        """Does nothing: there is no socket."""

    def open_body(self, headers: Iterable[tuple[bytes, bytes]], preamble: bytes) -> MemoryBody:
        """Answers 200 and returns where the body goes, as the gateway's own server does."""
        self._pieces = asyncio.Queue()
        self._head.set_result((200, list(headers)))
        self._body = MemoryBody(self._pieces, self._has_left.set)
        self._body.write(preamble)
        return self._body

    def open_chunked_body(self, headers: Iterable[tuple[bytes, bytes]]) -> MemoryBody:
        """The same in chunks, of which ASGI does not know."""
        return self.open_body(headers, b"")

    async def _run(self, app: ASGIApp, scope: Message) -> None:
        try:
            await app(scope, self._receive, self._send)
        finally:
            # Also where it failed after its head: the reader would wait forever.
            await self._put(None)

    async def _receive(self) -> Message:
        if self._requests:
            return self._requests.pop()
        await self._has_left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self._head.set_result((message["status"], list(message.get("headers", ()))))
            return
        if message.get("body"):
            await self._put(message["body"])

    async def _put(self, piece: bytes | None) -> None:
        """Hands a piece to the reader; nothing waits for a reader that has left."""
        if not self._pieces.full():
            self._pieces.put_nowait(piece)
            return
        putting = asyncio.ensure_future(self._pieces.put(piece))
        leaving = asyncio.ensure_future(self._has_left.wait())
        await asyncio.wait((putting, leaving), return_when=asyncio.FIRST_COMPLETED)
        for task in (putting, leaving):
            task.cancel()
        await asyncio.gather(putting, leaving, return_exceptions=True)


class MemoryBody:
    """A response body that goes on: what is written waits for the reader, and is paused as by a transport."""

    BUFFERED_MAX = 64 * 1024

    def __init__(self, pieces: asyncio.Queue[bytes | None], leave: Callable[[], None]) -> None:
        self._pieces = pieces
        self._leave = leave
        self._waiting_bytes = 0
        self.is_paused = False
        self.on_resumed: Callable[[], None] = lambda: None

    def write(self, packet: bytes) -> None:
        self._pieces.put_nowait(packet)
        self._waiting_bytes += len(packet)
        self.is_paused = self._waiting_bytes > self.BUFFERED_MAX

    def note_read(self, piece: bytes) -> None:
        """Notes that the reader has a piece."""
        self._waiting_bytes -= len(piece)
        if self.is_paused and self._waiting_bytes <= self.BUFFERED_MAX // 4:
            self.is_paused = False
            self.on_resumed()

    def buffered_bytes(self) -> int:
        """Returns 1 while a piece waits for the reader: viewers ask only whether there is any."""
        return int(not self._pieces.empty())

    def abort(self, reason: str) -> None:
        self.end()

    def end(self) -> None:
        self._pieces.put_nowait(None)
        self._leave()


class MemoryConnection:
    """The gateway's end of a WebSocket without a wire, as links and viewers use it."""

    def __init__(self) -> None:
        self.listener: Listener | None = None
        # What the gateway has sent and the client has not received; the end of the connection is the last item.
        self.sent: asyncio.Queue[str | bytes | ConnectionClosed] = asyncio.Queue()
        self.is_open = True
        self._text_bytes_max = self._binary_bytes_max = 0

    def accept(self, headers: Any, subprotocol: str | None) -> None:
        """Does nothing: there is no handshake on a wire."""

    def attach(self, listener: Listener) -> None:
        self.listener = listener

    def answer_pings(self, answer: Callable[[bytes], None]) -> None:
        """Does nothing: no ping is sent."""

    def limit(self, text_bytes_max: int, binary_bytes_max: int, *, one_by_one: bool = False) -> None:
        self._text_bytes_max, self._binary_bytes_max = text_bytes_max, binary_bytes_max

    def write(self, packet: bytes, count: int = 1) -> None:
        opcode, payload = parse_packet(packet)
        for _ in range(count if self.is_open else 0):
            self.sent.put_nowait(payload.decode() if opcode == Opcode.TEXT else payload)

    @property
    def write_now(self) -> Callable[[bytes], None]:
        return self.write

    @property
    def unsent_bytes(self) -> Callable[[], int]:
        return lambda: 0

    def keep_alive(self) -> None:
        """Does nothing: there is no socket."""

    def pause_reading(self) -> None:
        """Does nothing: packets come only when the test sends them."""

    def resume_reading(self) -> None:
        """Does nothing: packets come only when the test sends them."""

    def close(self, code: int, reason: str) -> None:
        self._end(code, reason, ConnectionClosedError(Close(code, reason), None))

    def abort(self, reason: str) -> None:
        self._end(LOST, reason, ConnectionClosedError(None, None))

    # The client's end

    def receive(self, packet: str | bytes) -> None:
        """Hands a packet of the client to the listener at once."""
        assert self.listener is not None
        is_text = isinstance(packet, str)
        size_bytes = len(packet.encode()) if isinstance(packet, str) else len(packet)
        if size_bytes > (self._text_bytes_max if is_text else self._binary_bytes_max):
            self.listener.receive_oversized(is_text)
            self.close(TOO_LARGE, "")
        else:
            self.listener.receive_packets([packet])

    def leave(self) -> None:
        """Ends the connection as a client that says goodbye."""
        self._end(NORMAL, "", ConnectionClosedOK(Close(NORMAL, ""), None))

    def _end(self, code: int, reason: str, error: ConnectionClosed) -> None:
        if self.is_open:
            self.is_open = False
            self.sent.put_nowait(error)
            if self.listener is not None:
                self.listener.end(code, reason)


class MemoryWebSocket:
    """The client's end of a WebSocket without a wire; its methods are those of `websockets`."""

    def __init__(self, connection: MemoryConnection) -> None:
        self._connection = connection
        self._error: ConnectionClosed | None = None

    async def send(self, packet: str | bytes) -> None:
        if not self._connection.is_open:
            raise self._error or ConnectionClosedError(None, None)
        self._connection.receive(packet)
        await asyncio.sleep(0)

    async def recv(self) -> str | bytes:
        if self._error is not None:
            raise self._error
        item = await self._connection.sent.get()
        if isinstance(item, ConnectionClosed):
            self._error = item
            raise item
        return item

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        with contextlib.suppress(ConnectionClosedOK):
            while True:
                yield await self.recv()

    async def close(self) -> None:
        self._connection.leave()


async def open_websocket(app: ASGIApp, path: str, headers: dict[str, str], address: str) -> MemoryWebSocket:
    """Opens a WebSocket on an application; raises `InvalidStatus` where it is denied."""
    connection, answers = MemoryConnection(), list[Message]()

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        answers.append(message)

    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = _scope("websocket", path.encode(), raw, address)
    scope["extensions"] = {"websocket.http.response": {}, EXTENSION: connection}
    scope |= {"scheme": "ws", "subprotocols": []}
    # The application returns: from then on, its listener is called.
    async with asyncio.timeout(_DEADLINE_S):
        await app(scope, receive, send)
    if connection.listener is None:
        head, *pieces = answers
        body = b"".join(piece.get("body", b"") for piece in pieces)
        fields = Headers((name.decode(), value.decode()) for name, value in head.get("headers", ()))
        raise InvalidStatus(Response(head.get("status", 403), "", fields, body))
    return MemoryWebSocket(connection)


def _scope(type_: str, target: bytes, headers: Iterable[tuple[bytes, bytes]], address: str) -> Message:
    path, _, query = target.partition(b"?")
    return {
        "type": type_,
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "root_path": "",
        "path": unquote(path.decode("ascii")),
        "raw_path": path,
        "query_string": query,
        "headers": [(name.lower(), value) for name, value in headers],
        "client": (address, _CLIENT_PORT),
        "server": ("127.0.0.1", 3000),
        "state": {},
    }


def parse_packet(packet: bytes) -> tuple[int, bytes]:
    """Returns opcode and payload of a packet that the gateway wrote."""
    start = {LENGTH_IN_2_BYTES: 4, LENGTH_IN_8_BYTES: 10}.get(packet[1] & LENGTH_BITS, 2)
    return packet[0] & OPCODE_BITS, packet[start:]
