"""The bench of one run of tests: a gateway and a board, made when the first test needs them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from darvaz.client.config import find_gateway
from darvaz.client.errors import GatewayError
from darvaz.pytest_plugin.backends import BoardBackend, RemoteBackend
from darvaz.pytest_plugin.board import Board
from darvaz.pytest_plugin.board_option import parse_board_option
from darvaz.pytest_plugin.errors import BenchError, BoardError
from darvaz.pytest_plugin.gateway import BenchGateway
from darvaz.pytest_plugin.lease import leased
from darvaz.pytest_plugin.own_gateway import OwnGateway
from darvaz.pytest_plugin.wiring import Wiring, load_wiring

_Made = TypeVar("_Made", BenchGateway, Board)


@dataclass(frozen=True, slots=True)
class Options:
    """The options of the run; without `gateway` it is the client's, or for a simulated board one of its own."""

    board: str
    gateway: str | None = None
    wiring: Path | None = None
    program: Path | None = None
    wait_s: float = 0.0
    flashes: bool = False
    keep: Path | None = None


class Bench:
    """Makes each part once, when it is needed; `close` releases them. Raises `BenchError` with what to change."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.choice = parse_board_option(options.board)
        if options.keep is not None and not self.choice.is_emulated:
            raise BenchError(
                "--board-keep is for --board emulated: the others are ready in a moment, or keep their flash"
            )
        self.wiring: Wiring = load_wiring(options.wiring)
        self._stack = contextlib.ExitStack()
        self._gateway: BenchGateway | None = None
        self._board: Board | None = None
        self._failure: BenchError | BoardError | None = None

    @property
    def gateway(self) -> BenchGateway:
        """The gateway: a process of this run for a simulated board, else the one that the board uses."""
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
        """Releases the board, then the gateway."""
        self._stack.close()
        self._gateway = self._board = None

    def _once(self, make: Callable[[], _Made]) -> _Made:
        # The other tests must not wait for what the first one did not get.
        if self._failure is not None:
            raise self._failure
        try:
            return make()
        except (BenchError, BoardError) as failure:
            self._failure = failure
            raise

    def _make_board(self) -> Board:
        backend = self._make_backend()
        is_at_prompt = self.choice.port is not None or (self.choice.is_emulated and self.options.program is not None)
        return Board(self.gateway, backend, self.wiring.boot_deadline_s, is_at_prompt=is_at_prompt)

    def _make_gateway(self) -> BenchGateway:
        is_simulated = self.choice.virtual_kind is not None or self.choice.is_emulated
        if self.options.gateway or not is_simulated:
            try:
                gateway = BenchGateway(find_gateway(self.options.gateway))
            except GatewayError as error:
                raise BenchError(f"--gateway: {error}") from None
            self._stack.callback(gateway.close)
            return gateway
        own = OwnGateway()
        self._stack.callback(own.close)
        own.start()
        return own

    def _make_backend(self) -> BoardBackend:
        if self.choice.virtual_kind is not None:
            return self._make_virtual(self.choice.virtual_kind)
        if self.choice.is_emulated:
            return self._make_emulated()
        if self.choice.device is not None:
            return self._make_remote(self.choice.device)
        return self._make_serial(self.choice.port or "")

    def _make_virtual(self, kind: str) -> BoardBackend:
        # Here, because only a virtual board needs Linux and all this.
        from darvaz.pytest_plugin.virtual_backend import VirtualBackend

        backend = VirtualBackend(kind, f"virtual-{kind}", self.options.program, self.wiring)
        self._stack.callback(backend.close)
        backend.start(self.gateway.ws_url, self.gateway.token(kind))
        return backend

    def _make_emulated(self) -> BoardBackend:
        # Here, because only an emulated board needs Linux and all this.
        from darvaz.pytest_plugin.emulated_backend import EmulatedBackend, emulated_board

        board = self._stack.enter_context(emulated_board(self.gateway.url, self.options.keep))
        backend = EmulatedBackend(board, is_running=self.options.program is None)
        self._stack.callback(backend.close)
        if self.options.program is not None:
            backend.install(self.options.program)
        return backend

    def _make_remote(self, device: str) -> BoardBackend:
        if self.options.flashes:
            raise BenchError("--board-flash needs a board at a port: --board auto, or the name of a port")
        devices = self.gateway.devices()
        if device not in devices:
            known = ", ".join(sorted(devices)) or "none yet"
            raise BenchError(f"--board=device:{device}: not a device of {self.gateway.url}, which has {known}")
        self._lease_device(device)
        return RemoteBackend(self.gateway, device)

    def _make_serial(self, port: str) -> BoardBackend:
        from darvaz.pytest_plugin.program import flash
        from darvaz.pytest_plugin.serial_backend import SerialBackend, find_path

        path = find_path(port)
        # First, so that no program is interrupted where the gateway does not answer.
        self.gateway.newest_entry_id()
        self._stack.enter_context(leased(f"the board at {os.path.realpath(path)}", self.options.wait_s))
        if self.options.flashes:
            flash(path, self.gateway.url)
        backend = SerialBackend(path, self.wiring.power)
        self._stack.callback(backend.close)
        if self.options.flashes and self.options.program is not None:
            backend.install(self.options.program)
        # Another run may use it through the gateway.
        self._lease_device(backend.device)
        return backend

    def _lease_device(self, device: str) -> None:
        name = f"the device {device} at {self.gateway.url}"
        self._stack.enter_context(leased(name, self.options.wait_s))
