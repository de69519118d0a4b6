"""Groups of devices for programs: `gw.group("green").led(on=True)` sends one command to all of them."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from typing import Any, Generic, Protocol, TypeVar

from darvaz.client import requests
from darvaz.client.requests import ApiRequest, CommandOutcome
from darvaz.client.types import GroupInfo

_DeviceT_co = TypeVar("_DeviceT_co", covariant=True)


class _Gateway(Protocol[_DeviceT_co]):
    """What a group needs of a client."""

    def __getitem__(self, name: str, /) -> _DeviceT_co: ...
    def ask(self, request: ApiRequest, /) -> Any: ...


class _AsyncGateway(Protocol[_DeviceT_co]):
    """What a group needs of a client for asyncio."""

    def __getitem__(self, name: str, /) -> _DeviceT_co: ...
    def ask(self, request: ApiRequest, /) -> Awaitable[Any]: ...


class Group(Generic[_DeviceT_co]):
    """The devices of one group; any other name is a command to all of them."""

    def __init__(self, gateway: _Gateway[_DeviceT_co], name: str) -> None:
        self.name = name
        self._gateway = gateway

    def __repr__(self) -> str:
        return f"<Group {self.name!r}>"

    def __getattr__(self, command: str) -> Any:
        if command.startswith("_"):
            raise AttributeError(command)
        return lambda **args: self.command(command, **args)

    def __iter__(self) -> Iterator[_DeviceT_co]:
        return iter(self.devices())

    def devices(self) -> list[_DeviceT_co]:
        """Returns the devices that are in it now."""
        found: list[GroupInfo] = self._gateway.ask(requests.groups())
        return [self._gateway[device] for device in _members(found, self.name)]

    def command(self, name: str, /, **args: Any) -> dict[str, CommandOutcome]:
        """Sends a command to all of them at once; returns what became of it, by device."""
        outcomes: dict[str, CommandOutcome] = self._gateway.ask(requests.command_many(name, args, groups=[self.name]))
        return outcomes

    def add(self, *devices: str) -> None:
        """Puts devices into it; the first one makes the group."""
        self._gateway.ask(requests.change_group(self.name, add=devices))

    def remove(self, *devices: str) -> None:
        """Takes devices out of it; with the last one the group ends."""
        self._gateway.ask(requests.change_group(self.name, remove=devices))


class AsyncGroup(Generic[_DeviceT_co]):
    """As `Group`, to be awaited."""

    def __init__(self, gateway: _AsyncGateway[_DeviceT_co], name: str) -> None:
        self.name = name
        self._gateway = gateway

    def __repr__(self) -> str:
        return f"<AsyncGroup {self.name!r}>"

    def __getattr__(self, command: str) -> Any:
        if command.startswith("_"):
            raise AttributeError(command)
        return lambda **args: self.command(command, **args)

    async def devices(self) -> list[_DeviceT_co]:
        """Returns the devices that are in it now."""
        found: list[GroupInfo] = await self._gateway.ask(requests.groups())
        return [self._gateway[device] for device in _members(found, self.name)]

    async def command(self, name: str, /, **args: Any) -> dict[str, CommandOutcome]:
        """Sends a command to all of them at once; returns what became of it, by device."""
        request = requests.command_many(name, args, groups=[self.name])
        outcomes: dict[str, CommandOutcome] = await self._gateway.ask(request)
        return outcomes

    async def add(self, *devices: str) -> None:
        """Puts devices into it; the first one makes the group."""
        await self._gateway.ask(requests.change_group(self.name, add=devices))

    async def remove(self, *devices: str) -> None:
        """Takes devices out of it; with the last one the group ends."""
        await self._gateway.ask(requests.change_group(self.name, remove=devices))


def _members(groups: list[GroupInfo], name: str) -> list[str]:
    # As the gateway compares names, but for letters that only keyboards mix up.
    wanted = name.casefold()
    return [device for group in groups if group["name"].casefold() == wanted for device in group["devices"]]
