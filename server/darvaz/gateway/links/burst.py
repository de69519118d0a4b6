"""What one read of a link brought: entries for the journal, and reports, each handed on together."""

from __future__ import annotations

from typing import Any


class Burst:
    """The packets of one read, and what is made of them; the clocks are read once for all of them."""

    __slots__ = ("chars", "entries", "is_urgent", "now_s", "packets", "reports", "unix_s")

    def __init__(self, packets: list[str | bytes], now_s: float, unix_s: float) -> None:
        self.packets = packets
        # When they came, in monotonic and Unix seconds.
        self.now_s = now_s
        self.unix_s = unix_s
        # (direction, type, payload) of each message for the journal, and the characters of all payloads.
        self.entries: list[Any] = []
        self.chars = 0
        # Whether these are to be on the disk soon.
        self.is_urgent = False
        # `TimedMessage` of each report that is not published yet.
        self.reports: list[Any] = []

    def add(self, entry: tuple[Any, ...]) -> None:
        """Adds an entry."""
        self.entries.append(entry)
        self.chars += len(entry[2])
