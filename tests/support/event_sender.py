"""A client of the event stream that keeps what it is sent, and stops reading when told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Sender:
    """Where a queue sends its events."""

    def __init__(self, takes_max: int | None = None) -> None:
        self.sent: list[bytes] = []
        self.written = asyncio.Event()
        """Whether anything was sent."""
        self.ended = ""
        """How the response ended."""
        self.is_paused = False
        self.on_resumed: Callable[[], None] = lambda: None
        # After how many writes it stops reading; None for never.
        self._takes_max = takes_max

    def write(self, data: bytes) -> None:
        self.sent.append(data)
        self.written.set()
        self.is_paused = len(self.sent) == self._takes_max

    def resume(self) -> None:
        """Reads everything, and goes on reading."""
        self.is_paused = False
        self.on_resumed()

    def end(self) -> None:
        self.ended = "in order"

    def abort(self, reason: str) -> None:
        self.ended = reason
