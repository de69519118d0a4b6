"""What every server in the exchange is: started once on the server's core, and spoken to in its dialect."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from bench.generator import Words


@dataclass(frozen=True)
class Workload:
    """What is sent: messages that are answered, or log messages with one that is answered behind them."""

    name: str
    in_flight: int

    @property
    def is_log(self) -> bool:
        return self.name == "log"


@dataclass(frozen=True)
class Running:
    """A server that listens."""

    pid: int
    port: int


class Server(ABC):
    """One row of the table."""

    name: str
    title: str
    does_logs = True
    # Whether the load generator must be the one in C.
    needs_c = False

    def missing(self) -> str | None:
        """Returns a sentence if the server cannot be started here."""
        return None

    @abstractmethod
    def start(self, folder: Path, core: int | None) -> AbstractContextManager[Running]:
        """Runs the server until the block ends; `folder` is its own."""

    @abstractmethod
    def words(self, workload: Workload) -> Words:
        """Returns what the load generator must know besides port, links and times."""


def websocket_words(workload: Workload, expected: str) -> Words:
    """Returns the words for a server that takes the gateway's messages over a plain WebSocket."""
    logs = workload.in_flight if workload.is_log else 0
    return {"logs": logs, "in-flight": 1 if logs else workload.in_flight, "expect": expected}
