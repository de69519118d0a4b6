"""A server that answers every request with the same bytes, whatever they are, and counts what it could send."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import json
import socketserver
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

_DEADLINE_S = 10.0
_CHUNK = b"1" * 65_536
MEBIBYTE = 1024 * 1024
# What a terminal would obey, and what turns text around.
HOSTILE = "\x1b]0;owned\x07\x1b[2J\u202egnp.exe\u2066\x9b31m\r\n"


class EvilServer:
    """Sends `pieces` to each request; `sent_bytes` and `requests` tell what happened so far."""

    def __init__(self, pieces: Iterable[bytes], pause_s: float = 0.0) -> None:
        self._pieces = pieces
        self._pause_s = pause_s
        self.sent_bytes = 0
        self.requests: list[str] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, link: Any) -> None:
        link.settimeout(_DEADLINE_S)
        self.requests.append(link.recv(65_536).decode("latin-1"))
        for piece in self._pieces:
            link.sendall(piece)
            self.sent_bytes += len(piece)
            time.sleep(self._pause_s)


@contextlib.contextmanager
def evil_server(pieces: Iterable[bytes], pause_s: float = 0.0) -> Iterator[EvilServer]:
    """Runs one on a port of this machine for the block."""
    evil = EvilServer(pieces, pause_s)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            # The client leaves when it has enough.
            with contextlib.suppress(OSError):
                evil.answer(self.request)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        evil.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield evil
        finally:
            server.shutdown()
            thread.join()


def head(status: int = 200, *headers: str, media: str = "application/json") -> bytes:
    """Returns the head of an answer whose body ends with the connection."""
    lines = (f"HTTP/1.1 {status} Odd", f"Content-Type: {media}", "Connection: close", *headers)
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def answer(body: Any, status: int = 200, *headers: str) -> list[bytes]:
    """Returns a whole answer, of JSON or of these bytes."""
    return [head(status, *headers) + (body if isinstance(body, bytes) else json.dumps(body).encode())]


def endless(*headers: str, media: str = "application/json") -> Iterable[bytes]:
    """Returns an answer without end."""
    return itertools.chain([head(200, *headers, media=media), b'{"devices": "'], itertools.repeat(_CHUNK))


def bomb(mebibytes: int) -> list[bytes]:
    """Returns a small answer that is very large once it is unpacked."""
    return [head(200, "Content-Encoding: gzip"), gzip.compress(bytes(mebibytes * MEBIBYTE), 1)]


def trickle() -> Iterable[bytes]:
    """Returns an answer byte by byte, without end."""
    return itertools.chain([head()], itertools.repeat(b" "))
