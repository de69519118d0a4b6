"""A service that people are told by: a web server that keeps what Apprise posts to it, and can be down."""

from __future__ import annotations

import json
from typing import Any

from tests.support.post_server import PostServer


class NotificationService(PostServer):
    """Receives messages on a free port of this machine until the block ends; `is_down` has it answer 503."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[dict[str, Any]] = []
        self.is_down = False

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

    def _take(self, path: str, headers: dict[str, str], body: bytes) -> int:
        if self.is_down:
            return 503
        self.messages.append(json.loads(body))
        return 200
