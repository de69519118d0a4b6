"""`gw["greenhouse"].temperature < 5` as a condition, and `await gw["heater"].on()` as a command."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

Send = Callable[[str, str, dict[str, Any]], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison of a value of a board, or of all boards of a group, or of all."""

    device: str | None
    group: str | None
    value: str
    when: str
    threshold: Any


class Name:
    """A name of a board: compared it is its value, called it is its command."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, gateway: AutomationGateway, device: str | None, group: str | None, name: str) -> None:
        self._gateway = gateway
        self._device = device
        self._group = group
        self._name = name

    async def __call__(self, **args: Any) -> Any:
        """Sends the command to the board and returns its result; raises `GatewayError`."""
        if self._device is None:
            raise TypeError('a command is for one board: gw["its id"]')
        return await self._gateway.send(self._device, self._name, args)

    def __lt__(self, other: float) -> Condition:
        return self._condition("below", other)

    def __le__(self, other: float) -> Condition:
        return self._condition("below", math.nextafter(float(other), math.inf))

    def __gt__(self, other: float) -> Condition:
        return self._condition("above", other)

    def __ge__(self, other: float) -> Condition:
        return self._condition("above", math.nextafter(float(other), -math.inf))

    def __eq__(self, other: object) -> Condition:  # type: ignore[override]
        return self._condition("is", other)

    def __ne__(self, other: object) -> Condition:  # type: ignore[override]
        raise TypeError("!= cannot be watched: use == with the other value, < or >")

    def __bool__(self) -> bool:
        raise TypeError('a value is known only while the automation runs: await gw["id"].read() returns the newest')

    def _condition(self, when: str, threshold: Any) -> Condition:
        return Condition(self._device, self._group, self._name, when, threshold)


class NamedBoard:
    """One board, or the boards of a group; its attributes are its values and commands."""

    def __init__(self, gateway: AutomationGateway, device: str | None, group: str | None = None) -> None:
        self._gateway = gateway
        self._device = device
        self._group = group

    def __getattr__(self, name: str) -> Name:
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: str) -> Name:
        """Returns a value or command whose name is not an attribute."""
        return Name(self._gateway, self._device, self._group, name)

    async def read(self) -> dict[str, Any]:
        """Returns the newest values."""
        return dict(await self._gateway.read(self._device or ""))


class AutomationGateway:
    """The boards of the gateway. `send` and `read` are set by what runs the automations."""

    def __init__(self) -> None:
        self.send: Send = _not_running
        self.read: Callable[[str], Awaitable[dict[str, Any]]] = _nothing_known

    def __getitem__(self, device: str) -> NamedBoard:
        return NamedBoard(self, device)

    def group(self, name: str) -> NamedBoard:
        """Returns the boards of a group, to watch a value of each."""
        return NamedBoard(self, None, name)

    @property
    def all(self) -> NamedBoard:
        """Every board, to watch a value of each."""
        return NamedBoard(self, None)


async def _not_running(device: str, name: str, args: dict[str, Any]) -> Any:
    raise RuntimeError("commands can be sent while the automations run, not while the file is loaded")


async def _nothing_known(device: str) -> dict[str, Any]:
    raise RuntimeError("values can be read while the automations run, not while the file is loaded")


gw = AutomationGateway()
