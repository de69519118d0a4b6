"""How a test controls the board itself, beside the gateway: resets, power, its prompt, its serial port."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from darvaz.boards.parts import PartFailure
from darvaz.pytest_plugin.errors import skip
from darvaz.pytest_plugin.gateway import BenchGateway

if TYPE_CHECKING:
    # A virtual board needs Linux, a real one does not.
    from darvaz.boards.virtual.hardware import Hardware


class BoardBackend(Protocol):
    """One board, through a serial port, a simulation or its gateway."""

    device: str

    @property
    def hardware(self) -> Hardware:
        """Its simulated pins, radio and camera."""

    def reset(self) -> None:
        """Restarts it, as its button does."""

    def power_cycle(self) -> None:
        """Switches its power off and on."""

    def exec(self, code: str, timeout_s: float) -> str:
        """Ends its program, runs code at its prompt and returns the output; raises `ExecFailed`."""

    def interrupt(self) -> None:
        """Presses Ctrl-C, where that is possible: a program that hangs prints its traceback."""

    def serial_lines(self) -> list[str]:
        """Returns what it printed on its serial port since the last `clear_serial`, as far as that is known."""

    def clear_serial(self) -> None:
        """Drops what it printed: a test begins."""

    def take_part_failures(self) -> list[PartFailure]:
        """Returns and forgets what went wrong in the parts of the test; only a virtual board has such parts."""

    def close(self) -> None:
        """Releases it."""


class RemoteBackend:
    """A board that only its gateway reaches."""

    def __init__(self, gateway: BenchGateway, device: str) -> None:
        self.device = device
        self._gateway = gateway

    @property
    def hardware(self) -> Hardware:
        """Skips the test: only a virtual board has simulated hardware."""
        __tracebackhide__ = True
        skip("only a virtual board has simulated hardware (--board virtual)")

    def reset(self) -> None:
        """Sends `reboot`; a board that is offline must come back by itself."""
        __tracebackhide__ = True
        info = self._gateway.device(self.device)
        if info is not None and info["online"]:
            self._gateway.command(self.device, "reboot", {})

    def power_cycle(self) -> None:
        """Skips the test."""
        __tracebackhide__ = True
        skip("this board has no switch for its power here: only its gateway reaches it (--board device:…)")

    def exec(self, code: str, timeout_s: float) -> str:
        """Skips the test."""
        __tracebackhide__ = True
        skip("this board has no prompt here: only its gateway reaches it (--board device:…)")

    def interrupt(self) -> None:
        """Does nothing."""

    def serial_lines(self) -> list[str]:
        """Returns nothing."""
        return []

    def clear_serial(self) -> None:
        """Does nothing."""

    def take_part_failures(self) -> list[PartFailure]:
        """Returns nothing."""
        return []

    def close(self) -> None:
        """Does nothing."""
