"""The gateway in the messages case: real tokens, full validation, and a journal that is counted afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import darvaz
from bench.baselines.server import Running, Server, Workload, websocket_options
from bench.gateway import DEVICE, Gateway
from bench.generator import Options

LINKS = 100


class Darvaz(Server):
    """`darvaz serve` with a new data folder for each run, so that its journal can be counted."""

    name = "darvaz"
    title = "Darvaz (full path)"
    is_plain = False
    gateway: Gateway

    @contextmanager
    def start(self, folder: Path, core: int | None) -> Iterator[Running]:
        with Gateway(folder / "gateway", core, LINKS, is_plain=self.is_plain) as self.gateway:
            yield Running(self.gateway.pid, self.gateway.port)

    def options(self, workload: Workload) -> Options:
        device = {"path": "/ws/pico", "device": DEVICE, "tokens": str(self.gateway.tokens)}
        return {**websocket_options(workload, '"pong"'), **device}


class PlainDarvaz(Darvaz):
    """The same where there is no compiler."""

    name = "darvaz-plain"
    title = "Darvaz, plain Python"
    is_plain = True

    def missing(self) -> str | None:
        return None if darvaz.is_compiled else "the gateway is not compiled here, so it is the same"
