"""A board that numbers what it says, without a link: its counter, its clock, and what no pong has confirmed."""

from __future__ import annotations

import json
from dataclasses import dataclass

NOON_S = 1_790_000_000.0
STARTED_S = 1000.0
WRAP_MS = 1 << 32
DRIFT = 200e-6


@dataclass
class Clocks:
    """The gateway's two clocks."""

    monotonic_s: float = STARTED_S
    offset_s: float = NOON_S

    @property
    def unix_s(self) -> float:
        return self.monotonic_s + self.offset_s


@dataclass(frozen=True)
class BoardMessage:
    """One message of a board, and when it happened, by the monotonic clock of the gateway."""

    boot: int
    number: int
    type: str
    uptime_ms: int
    happened_s: float

    @property
    def identity(self) -> int:
        """Tells it apart from all others; it is also the value of a report."""
        return self.boot * 100_000 + self.number

    @property
    def text(self) -> str:
        body = {"values": {"n": self.identity}} if self.type == "telemetry" else {"message": str(self.identity)}
        return json.dumps({"type": self.type, "uptime_ms": self.uptime_ms, "seq": self.number, **body})


class Board:
    """What a board keeps: its start, its counter, and what no pong has confirmed."""

    def __init__(self, device: str, clocks: Clocks, first_uptime_ms: int) -> None:
        self.device = device
        self._clocks = clocks
        self.boot = -1
        self.outbox: list[BoardMessage] = []
        self.all: list[BoardMessage] = []
        self.start(first_uptime_ms)

    def start(self, uptime_ms: int) -> None:
        """Starts the board: what waited is lost, the counter begins again."""
        self.boot, self.next, self.outbox = self.boot + 1, 0, []
        self._started_s, self._first_ms = self._clocks.monotonic_s, uptime_ms

    @property
    def uptime_ms(self) -> int:
        running_s = (self._clocks.monotonic_s - self._started_s) * (1 + DRIFT)
        return (self._first_ms + int(running_s * 1000)) % WRAP_MS

    def say(self, type_: str) -> None:
        sent = BoardMessage(self.boot, self.next, type_, self.uptime_ms, self._clocks.monotonic_s)
        self.next += 1
        self.outbox.append(sent)
        self.all.append(sent)
