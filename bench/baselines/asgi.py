"""uvicorn with stock parts: a bare echo, Starlette with `json`, and a bare echo on the gateway's own protocol class."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.baselines.server import Running, Server, Workload, websocket_options
from bench.c_programs import ROOT
from bench.child import Child, free_port, is_listening
from bench.generator import Options


class Asgi(Server):
    """One application of bench/baselines/asgi_apps.py."""

    app: str
    answers = "ping"

    @contextmanager
    def start(self, folder: Path, core: int | None) -> Iterator[Running]:
        port = free_port()
        script = ROOT / "bench" / "baselines" / "asgi_apps.py"
        with Child(
            [sys.executable, "-P", str(script), self.app, str(port)], core=core, log=folder / "asgi.txt"
        ) as child:
            child.wait_until(lambda: is_listening(port), self.title)
            yield Running(child.pid, port)

    def options(self, workload: Workload) -> Options:
        return websocket_options(workload, self.answers)


class UvicornEcho(Asgi):
    name = "uvicorn-echo"
    title = "uvicorn, bare echo"
    app = "stock-echo"
    does_logs = False


class StarletteJson(Asgi):
    name = "starlette-json"
    title = "Starlette + json"
    app = "starlette-json"
    answers = "pong"


class WireEcho(Asgi):
    """An echo on the gateway's protocol class: the difference is the cost of tokens, validation and journal."""

    name = "wire-echo"
    title = "our protocol class, bare echo"
    app = "wire-echo"
    does_logs = False

    def missing(self) -> str | None:
        if importlib.util.find_spec("darvaz.gateway.websocket") is None:
            return "this gateway has no protocol class of its own (darvaz.gateway.websocket)"
        return None
