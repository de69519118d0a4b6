"""The gateway itself as a server in the exchange: real tokens, everything validated, the journal counted after."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import darvaz
from bench.baselines.server import Running, Server, Workload, websocket_words
from bench.gateway import DEVICE, Gateway
from bench.generator import Words

LINKS = 100


class Darvaz(Server):
    """`darvaz serve` with a data folder that is new for each run, so that its journal can be counted."""

    name = "darvaz"
    title = "Darvaz (full path)"
    is_plain = False
    gateway: Gateway

    @contextmanager
    def start(self, folder: Path, core: int | None) -> Iterator[Running]:
        with Gateway(folder / "gateway", core, LINKS, is_plain=self.is_plain) as self.gateway:
            yield Running(self.gateway.pid, self.gateway.port)

    def words(self, workload: Workload) -> Words:
        place = {"path": "/ws/pico", "device": DEVICE, "tokens": str(self.gateway.tokens)}
        return {**websocket_words(workload, '"pong"'), **place}


class PlainDarvaz(Darvaz):
    """The same where there is no compiler."""

    name = "darvaz-plain"
    title = "Darvaz, plain Python"
    is_plain = True

    def missing(self) -> str | None:
        return None if darvaz.is_compiled else "it is what the gateway runs as here: nothing is compiled"
