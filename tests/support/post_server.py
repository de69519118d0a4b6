"""A web server of the tests that messages are posted to: it counts them, and answers what its owner says."""

from __future__ import annotations

import ssl
import threading
from abc import ABC, abstractmethod
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


class PostServer(ABC):
    """Serves HTTP, or HTTPS with a context, on a free port of this machine until the block ends."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.tries = 0
        # Guards what arrived, and wakes those who wait for it.
        self._arrived = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @abstractmethod
    def _take(self, path: str, headers: dict[str, str], body: bytes) -> int:
        """Takes a message, and returns the status of the answer."""

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                with service._arrived:
                    service.tries += 1
                    status = service._take(self.path, headers, body)
                    service._arrived.notify_all()
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments: Any) -> None: ...

        return Handler
