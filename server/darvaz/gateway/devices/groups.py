"""Groups of devices: names that people give, of which a device may have several; a group exists while it has one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator

import msgspec

from darvaz.gateway.devices.group_index import fold
from darvaz.gateway.devices.registry import Devices

GROUPS_PER_DEVICE_MAX = 16


class TooManyGroupsError(Exception):
    """A device would be in more groups than it may; the text names it."""

    def __init__(self, device: str) -> None:
        super().__init__(f"{device} may be in {GROUPS_PER_DEVICE_MAX} groups at most")


class DeviceGroup(msgspec.Struct, kw_only=True):
    """One group and its devices, in the order of their ids."""

    name: str
    devices: list[str]


class Groups:
    """Which devices are in which group; kept with the devices. Used from the event loop only."""

    def __init__(self, devices: Devices) -> None:
        self._devices = devices
        self.turn = asyncio.Lock()
        """Held while people change groups: what is of many devices takes several turns of the event loop."""

    def each(self) -> Iterator[DeviceGroup]:
        """Yields every group, in the order of their names."""
        index = self._devices.groups
        for key in index.folded_names():
            if members := index.members(key):
                yield DeviceGroup(name=self._spelling_of(key) or key, devices=members)

    def of(self, device: str) -> tuple[str, ...]:
        """Returns the groups of a device; none of one that is not known."""
        known = self._devices.get(device)
        return () if known is None else known.groups

    def has(self, group: str, device: str) -> bool:
        """Whether a device is in a group."""
        wanted = fold(group)
        return any(fold(name) == wanted for name in self.of(device))

    def members(self, group: str) -> list[str]:
        """Returns the devices of a group, in the order of their ids."""
        return self._devices.groups.members(fold(group))

    def spelling(self, name: str) -> str:
        """Returns a name as a device has it already, if any is in the group."""
        return self._spelling_of(fold(name)) or name

    def _spelling_of(self, key: str) -> str | None:
        first = self._devices.groups.first(key)
        return None if first is None else next(name for name in self.of(first) if fold(name) == key)

    def has_room(self, group: str, device: str) -> bool:
        """Whether a device is in a group, or may be put into it."""
        return len(self.of(device)) < GROUPS_PER_DEVICE_MAX or self.has(group, device)

    def put(self, device: str, names: Iterable[str]) -> bool:
        """Makes these the groups of a device; returns whether they are others than before."""
        kept: dict[str, str] = {}
        for name in names:
            kept.setdefault(fold(name), name)
        if len(kept) > GROUPS_PER_DEVICE_MAX:
            raise TooManyGroupsError(device)
        groups = tuple(kept.values())
        return groups != self.of(device) and self._devices.put_into(device, groups)

    def add(self, group: str, device: str) -> bool:
        """Puts a device into a group; returns whether it was not in it."""
        return not self.has(group, device) and self.put(device, (*self.of(device), group))

    def remove(self, group: str, device: str) -> bool:
        """Takes a device out of a group; returns whether it was in it."""
        wanted = fold(group)
        return self.put(device, [name for name in self.of(device) if fold(name) != wanted])

    def rename(self, group: str, name: str) -> Iterator[str]:
        """Gives a group another name, or adds its devices to the group that has it; yields each that has it."""
        wanted = fold(group)
        for device in self.members(group):
            names = [name if fold(own) == wanted else own for own in self.of(device)]
            if self._devices.put_into(device, list({fold(own): own for own in names}.values())):
                yield device
