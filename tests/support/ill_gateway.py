"""A small gateway with one fault that a test chooses, and servers that are not a gateway."""

from __future__ import annotations

import contextlib
import json
import socketserver
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

_CLOSE_DEADLINE_S = 1.0

SECRET = "dvz_0123456789_aVerySecretSecret"
Script = Callable[[ServerConnection, dict[str, Any]], Awaitable[None]]


@dataclass
class SmallGateway:
    """Answers like a gateway, except where a test says otherwise, and records the messages it received."""

    pages: dict[str, tuple[int, str]] = field(default_factory=dict)
    handshake: tuple[int, str, dict[str, str]] | None = None
    script: Script | None = None
    received: list[str] = field(default_factory=list)
    headers: list[str | None] = field(default_factory=list)
    port: int = 0

    def answer(self, link: ServerConnection, request: Request) -> Response | None:
        if request.path.startswith("/ws/"):
            self.headers.append(request.headers.get("Authorization"))
            return None if self.handshake is None else _response(*self.handshake)
        usual = {"/health": (200, "{}"), "/public/tokens": (200, json.dumps({"pico_tokens": [SECRET]}))}
        status, body = {**usual, **self.pages}[request.path]
        return _response(status, body, {"Content-Type": "application/json"})

    async def converse(self, link: ServerConnection) -> None:
        async for packet in link:
            message = json.loads(packet)
            self.received.append(message["type"])
            await (self.script or reply)(link, message)


async def reply(link: ServerConnection, message: dict[str, Any]) -> None:
    answers = {"connect": "connection_ack", "ping": "pong"}
    if message["type"] in answers:
        await link.send(json.dumps({"type": answers[message["type"]]}))


def _response(status: int, body: str, headers: dict[str, str]) -> Response:
    given = Headers({**headers, "Content-Length": str(len(body)), "Connection": "close"})
    return Response(status, HTTPStatus(status).phrase, given, body.encode())


@contextlib.asynccontextmanager
async def running(gateway: SmallGateway) -> AsyncIterator[SmallGateway]:
    async with serve(gateway.converse, "127.0.0.1", 0, process_request=gateway.answer) as server:
        gateway.port = server.sockets[0].getsockname()[1]
        yield gateway


@contextlib.contextmanager
def plain_server(greeting: bytes, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """A TCP server that sends `greeting` to each connection, and then waits until the peer closes it."""

    class Greeter(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                self.request.settimeout(_CLOSE_DEADLINE_S)
                link = tls.wrap_socket(self.request, server_side=True) if tls else self.request
                link.sendall(greeting)
                while link.recv(4096):
                    pass

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Greeter) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()
