"""Ids of events that mean the same at every gateway of a cluster; has no clock and no I/O.

Each event is an entry of one journal, and all journals go into one stream. An id says up to which message of the stream
a client has everything, and of the journals that are ahead of the stream, up to which entry: events are handed out as
they happen, and come into the stream once they are on a disk.

`stream.sequence.start.number`, then `.journal.entry` for each that is ahead: what tells the stream from others of its
name, the message, the start of the gateway that gave the id, and the number of the event there.
"""

from __future__ import annotations

import re
import zlib
from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

from darvaz.gateway.events.order import Mark

# The events of a message are handed out everywhere when it has been in the stream for so long.
SETTLE_S = 10.0
# Messages of that time that are remembered; beyond that the oldest counts as settled.
RECENT_MAX = 10_000
# Of the id of a journal.
JOURNAL_CHARS = 8
ID_CHARS_MAX = 4_096
_ID = re.compile(r"[0-9a-f]{8}\.\d{1,19}\.[0-9a-z]{1,16}\.\d{1,19}((?:\.[0-9a-f]{1,8}\.\d{1,19})*)")


class EventPosition(NamedTuple):
    """What an id says."""

    stream: str
    sequence: int
    start: str
    number: int
    ahead: Mapping[str, int]
    """Journal → the number of its newest entry that the client has, of those behind `sequence`."""

    @classmethod
    def parse(cls, text: str) -> EventPosition | None:
        """Returns what an id says, or None if it is not one of a cluster."""
        if len(text) > ID_CHARS_MAX or not text.isascii() or _ID.fullmatch(text) is None:
            return None
        stream, sequence, start, number, *pairs = text.split(".")
        ahead = dict(zip(pairs[::2], map(int, pairs[1::2]), strict=True))
        return cls(stream, int(sequence), start, int(number), ahead)

    def dump(self) -> bytes:
        """Returns the id."""
        pairs = "".join([f".{journal}.{entry}" for journal, entry in self.ahead.items()])
        return f"{self.stream}.{self.sequence}.{self.start}.{self.number}{pairs}".encode()


class EventPositions:
    """How far this gateway is: what it has handed out, and what it has read of the stream."""

    def __init__(self, start: str) -> None:
        self.start = start
        """Tells this start of this gateway from all others."""
        self.stream = stream_key("")
        self.sequence = 0
        """Everything up to this message of the stream was handed out, or is of a time when the gateway was away."""
        self.newest = 0
        """The newest message of the stream that was read."""
        self.ahead: dict[str, int] = {}
        # Messages of the stream behind `sequence`, the oldest first: when each was read, its number, its journal, and
        # the number behind its last entry.
        self._recent: deque[tuple[float, int, str, int]] = deque()

    def begin(self, created: str, sequence: int) -> None:
        """Takes the stream that is read from now on, behind a message; goes on where it is the same one."""
        stream = stream_key(created)
        if stream != self.stream:
            self.stream, self.sequence, self.newest = stream, sequence, sequence
            self._recent.clear()

    def pass_by(self, sequence: int, journal: str, end: int, now_s: float) -> None:
        """Takes that a message of the stream was read, which ends before an entry of its journal."""
        self.newest = sequence
        self._recent.append((now_s, sequence, journal[:JOURNAL_CHARS], end))
        self._settle(now_s)

    def take(self, mark: Mark) -> None:
        """Takes that the event of an entry is handed out."""
        self.ahead[mark[0]] = mark[1]

    def position(self, number: int, now_s: float) -> EventPosition:
        """Returns where a client is that has everything which was handed out."""
        self._settle(now_s)
        return EventPosition(self.stream, self.sequence, self.start, number, self.ahead)

    def _settle(self, now_s: float) -> None:
        recent = self._recent
        while recent and (recent[0][0] <= now_s - SETTLE_S or len(recent) > RECENT_MAX):
            _, self.sequence, journal, end = recent.popleft()
            if self.ahead.get(journal, end) < end:
                del self.ahead[journal]


def stream_key(created: str) -> str:
    """Returns what tells a stream from others of its name, as ids have it."""
    return f"{zlib.crc32(created.encode()):08x}"
