"""The floor: an echo in C, which shows the limit of the load generator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.baselines.server import Running, Server, Workload, websocket_options
from bench.c_programs import NoCompilerError, build, find_compiler
from bench.child import Child
from bench.generator import Options


class Floor(Server):
    """Echoes packets in C, with one epoll loop and nothing else."""

    name = "floor"
    title = "echo in C (the floor)"
    does_logs = False

    def missing(self) -> str | None:
        try:
            find_compiler()
        except NoCompilerError as error:
            return str(error)
        return None

    @contextmanager
    def start(self, folder: Path, core: int | None) -> Iterator[Running]:
        with Child([str(build("floor"))], core=core, log=folder / "floor.txt") as child:
            child.wait_until(lambda: child.log_end().isdecimal(), self.title)
            yield Running(child.pid, int(child.log_end()))

    def options(self, workload: Workload) -> Options:
        return websocket_options(workload, "ping")
