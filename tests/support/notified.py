"""A service that people are told by: a web server that keeps what Apprise posts to it, and can be down."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


class NotificationService:
    """Receives messages on a free port of this machine until the block ends; `is_down` has it answer 503."""

    def __init__(self) -> None:
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with service._arrived:
                    service.tries += 1
                    if not service.is_down:
                        service.messages.append(json.loads(body))
                    service._arrived.notify_all()
                self.send_response(503 if service.is_down else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments: Any) -> None: ...

        self._arrived = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.messages: list[dict[str, Any]] = []
        self.tries = 0
        self.is_down = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Its address for Apprise."""
        return f"json://user:secret-of-the-service@127.0.0.1:{self._server.server_port}/"

    def wait_for(self, messages: int = 0, tries: int = 0, timeout_s: float = 60.0) -> list[dict[str, Any]]:
        """Returns the messages once there are as many, or as many tries."""
        with self._arrived:
            done = self._arrived.wait_for(lambda: len(self.messages) >= messages and self.tries >= tries, timeout_s)
        assert done, f"{len(self.messages)} messages, {self.tries} tries"
        return list(self.messages)
