"""Which gateway carries rollouts out, and how it reaches boards elsewhere; a gateway by itself does all of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from darvaz.gateway.releases.asking import AwayError
from darvaz.gateway.releases.orders import Order
from darvaz.gateway.releases.store import ProgramRelease


class Coordination(Protocol):
    """The gateways that know the same releases. Used from the event loop only."""

    @property
    def is_leading(self) -> bool:
        """Whether this gateway carries rollouts out, and no other one."""

    async def order(self, order: Order) -> int:
        """Has the gateway that leads do something; returns what `Ordered.carry_out` does, or raises `OrderError`."""

    async def keep(self, device: str, rollout: int) -> None:
        """Waits until all gateways have the state and the counter of a board, which is about to get an update."""

    async def keep_all(self) -> None:
        """Waits until all gateways have what was changed here."""

    async def fetch(self, release: ProgramRelease) -> None:
        """Has the files of a release here; raises OSError."""

    async def ask(self, device: str, step: dict[str, Any]) -> dict[str, Any]:
        """Has the gateway of a board elsewhere ask it, as `Asking.ask` does."""


class Alone:
    """There are no other gateways."""

    is_leading = True

    def __init__(self, carry_out: Callable[[Order], Awaitable[int]]) -> None:
        self._carry_out = carry_out

    async def order(self, order: Order) -> int:
        """Implements `Coordination`."""
        return await self._carry_out(order)

    async def keep(self, device: str, rollout: int) -> None:
        """Waits for nobody."""

    async def keep_all(self) -> None:
        """Waits for nobody."""

    async def fetch(self, release: ProgramRelease) -> None:
        """Has nothing to fetch."""

    async def ask(self, device: str, step: dict[str, Any]) -> dict[str, Any]:
        """Raises `AwayError`: the board is nowhere."""
        raise AwayError("the board is away")
