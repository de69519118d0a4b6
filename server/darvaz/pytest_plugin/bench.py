"""What one run of tests has on its bench: a gateway and a board, made when the first test wants them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from darvaz.pytest_plugin.backends import Body, DistantBody
from darvaz.pytest_plugin.board import Board
from darvaz.pytest_plugin.board_option import parse_choice
from darvaz.pytest_plugin.errors import BenchError, BoardError
from darvaz.pytest_plugin.gateway import Gateway
from darvaz.pytest_plugin.gateway_process import OwnGateway
from darvaz.pytest_plugin.lease import leased
from darvaz.pytest_plugin.wiring import Wiring, load_wiring

# Where `darvaz serve` is, unless it was told otherwise.
GATEWAY = "http://127.0.0.1:3000"
_Made = TypeVar("_Made", Gateway, Board)


@dataclass(frozen=True, slots=True)
class Options:
    """What the person who runs the tests chose; `gateway` is empty for one of the tests' own."""

    board: str
    gateway: str | None = None
    wiring: Path | None = None
    program: Path | None = None
    wait_s: float = 0.0
    flashes: bool = False


class Bench:
    """Everything is made once, on demand, and let go by `close`; raises `BenchError` with what to change."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.choice = parse_choice(options.board)
        self.wiring: Wiring = load_wiring(options.wiring)
        self._stack = contextlib.ExitStack()
        self._gateway: Gateway | None = None
        self._board: Board | None = None
        self._trouble: BenchError | BoardError | None = None

    @property
    def gateway(self) -> Gateway:
        """The gateway: of our own for a virtual board, else the one that the board knows."""
        if self._gateway is None:
            self._gateway = self._once(self._make_gateway)
        return self._gateway

    @property
    def board(self) -> Board:
        """The board; it may not be online yet."""
        if self._board is None:
            self._board = self._once(self._make_board)
        return self._board

    def close(self) -> None:
        """Lets go of the board, then of the gateway."""
        self._stack.close()
        self._gateway = self._board = None

    def _once(self, make: Callable[[], _Made]) -> _Made:
        # What was not there for the first test is not waited for by each of the others.
        if self._trouble is not None:
            raise self._trouble
        try:
            return make()
        except (BenchError, BoardError) as trouble:
            self._trouble = trouble
            raise

    def _make_board(self) -> Board:
        body = self._make_body()
        is_at_prompt = self.choice.port is not None
        return Board(self.gateway, body, self.wiring.boot_deadline_s, is_at_prompt=is_at_prompt)

    def _make_gateway(self) -> Gateway:
        if self.options.gateway or self.choice.virtual_kind is None:
            gateway = Gateway(self.options.gateway or GATEWAY, os.environ.get("DARVAZ_TOKEN"))
            self._stack.callback(gateway.close)
            return gateway
        own = OwnGateway()
        self._stack.callback(own.close)
        own.start()
        return own

    def _make_body(self) -> Body:
        if self.choice.virtual_kind is not None:
            return self._make_virtual(self.choice.virtual_kind)
        if self.choice.device is not None:
            return self._make_distant(self.choice.device)
        return self._make_serial(self.choice.port or "")

    def _make_virtual(self, kind: str) -> Body:
        # Not at the top: only this board needs all that.
        from darvaz.pytest_plugin.virtual_backend import VirtualBody

        body = VirtualBody(kind, f"virtual-{kind}", self.options.program, self.wiring)
        self._stack.callback(body.close)
        body.start(self.gateway.ws_url, self.gateway.token(kind))
        return body

    def _make_distant(self, device: str) -> Body:
        if self.options.flashes:
            raise BenchError("--board-flash wants a board at a port: --board auto, or a port's name")
        devices = self.gateway.devices()
        if device not in devices:
            known = ", ".join(sorted(devices)) or "nobody yet"
            raise BenchError(f"--board=device:{device}: {self.gateway.url} knows {known}")
        self._lease_device(device)
        return DistantBody(self.gateway, device)

    def _make_serial(self, port: str) -> Body:
        from darvaz.pytest_plugin.program import flash
        from darvaz.pytest_plugin.serial_backend import SerialBody, find_path

        path = find_path(port)
        # Asked first: a program is not interrupted for nothing.
        self.gateway.newest_row_id()
        self._stack.enter_context(leased(f"the board at {os.path.realpath(path)}", self.options.wait_s))
        if self.options.flashes:
            flash(path, self.gateway.url)
        body = SerialBody(path, self.wiring.power)
        self._stack.callback(body.close)
        if self.options.flashes and self.options.program is not None:
            body.install(self.options.program)
        # By its gateway, another run may have it.
        self._lease_device(body.device)
        return body

    def _lease_device(self, device: str) -> None:
        name = f"the device {device} at {self.gateway.url}"
        self._stack.enter_context(leased(name, self.options.wait_s))
