"""The interface of a server in the messages case: it is started on the server's core and has options for the load."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from bench.generator import Options


@dataclass(frozen=True)
class Workload:
    """The messages sent: each is answered, or log messages and then one that is answered."""

    name: str
    in_flight: int

    @property
    def is_log(self) -> bool:
        return self.name == "log"


@dataclass(frozen=True)
class Running:
    """A server that accepts connections."""

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
        """Returns the reason if the server cannot run here."""
        return None

    @abstractmethod
    def start(self, folder: Path, core: int | None) -> AbstractContextManager[Running]:
        """Runs the server for a `with` block; `folder` is for its files."""

    @abstractmethod
    def options(self, workload: Workload) -> Options:
        """Returns the load generator's options besides port, links and times."""


def websocket_options(workload: Workload, expected: str) -> Options:
    """Returns the options for a server that accepts the gateway's messages over a plain WebSocket."""
    logs = workload.in_flight if workload.is_log else 0
    return {"logs": logs, "in-flight": 1 if logs else workload.in_flight, "expect": expected}
