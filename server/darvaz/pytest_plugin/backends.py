"""How a test gets at the board itself, beside what it says to the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from darvaz.pytest_plugin.errors import skip
from darvaz.pytest_plugin.gateway import Gateway

if TYPE_CHECKING:
    # Needs Linux, which a real board does not.
    from darvaz.boards.virtual.hardware import Hardware


class Body(Protocol):
    """One board, by whatever leads to it."""

    device: str

    @property
    def hardware(self) -> Hardware:
        """Its pins, radio and camera, to be steered."""

    def reset(self) -> None:
        """Starts it again, as its button does."""

    def power_cycle(self) -> None:
        """Takes its power away, and gives it back."""

    def exec(self, code: str, timeout_s: float) -> str:
        """Ends its program, runs code at its prompt and returns what that printed; raises `ExecFailed`."""

    def interrupt(self) -> None:
        """Presses Ctrl-C, where that is possible: a program that hangs prints where."""

    def said(self) -> list[str]:
        """Returns what it printed on its serial port since it was forgotten, as far as that is known."""

    def forget(self) -> None:
        """Forgets what it printed: a test begins."""

    def close(self) -> None:
        """Lets go of it."""


class DistantBody:
    """A board that is reached by its gateway alone."""

    def __init__(self, gateway: Gateway, device: str) -> None:
        self.device = device
        self._gateway = gateway

    @property
    def hardware(self) -> Hardware:
        """Skips the test: a real board has no strings to pull."""
        __tracebackhide__ = True
        skip("only a virtual board's hardware can be steered (--board virtual)")

    def reset(self) -> None:
        """Asks it to restart; one that is offline comes back by itself, or not at all."""
        __tracebackhide__ = True
        if (self._gateway.device(self.device) or {}).get("online"):
            self._gateway.command(self.device, "reboot", {})

    def power_cycle(self) -> None:
        """Skips the test."""
        __tracebackhide__ = True
        skip("nobody here can take this board's power: it is known by its gateway alone (--board device:…)")

    def exec(self, code: str, timeout_s: float) -> str:
        """Skips the test."""
        __tracebackhide__ = True
        skip("this board's prompt is out of reach: it is known by its gateway alone (--board device:…)")

    def interrupt(self) -> None:
        """Does nothing."""

    def said(self) -> list[str]:
        """Returns nothing."""
        return []

    def forget(self) -> None:
        """Has nothing to forget."""

    def close(self) -> None:
        """Has nothing to let go of."""
