"""Groups of devices: names that people give, of which a device may have several; a group exists while it has one."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache

import msgspec

from darvaz.gateway.devices.registry import Devices

GROUPS_PER_DEVICE_MAX = 16
# Letters that look the same and that keyboards mix up.
_ALIKE = str.maketrans("يىكۀة", "ییکهه")


class TooManyGroupsError(Exception):
    """A device would be in more groups than it may; the text names it."""


class DeviceGroup(msgspec.Struct, kw_only=True):
    """One group and its devices, in the order of their ids."""

    name: str
    devices: list[str]


@lru_cache(maxsize=4_096)
def fold(name: str) -> str:
    """Returns what is the same for names that people take for one: case, forms of a letter, and digits."""
    plain = unicodedata.normalize("NFKC", name).translate(_ALIKE).casefold()
    plain = "".join(str(unicodedata.digit(char)) if char.isdigit() else char for char in plain)
    # A zero-width joiner and a blank are told apart by nobody.
    return " ".join(plain.replace("\u200c", " ").split())


class Groups:
    """Which devices are in which group; kept with the devices. Used from the event loop only."""

    def __init__(self, devices: Devices) -> None:
        self._devices = devices

    def all(self) -> list[DeviceGroup]:
        """Returns every group, in the order of their names."""
        found: dict[str, DeviceGroup] = {}
        for device in self._devices.after(""):
            for name in self.of(device):
                found.setdefault(fold(name), DeviceGroup(name=name, devices=[])).devices.append(device)
        return [found[key] for key in sorted(found)]

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
        return [device for device in self._devices.after("") if self.has(group, device)]

    def spelling(self, name: str) -> str:
        """Returns a name as a device has it already, if any is in the group."""
        wanted = fold(name)
        return next((own for known in self._devices.all() for own in known.groups if fold(own) == wanted), name)

    def put(self, device: str, names: Iterable[str]) -> bool:
        """Makes these the groups of a device; returns whether they are others than before."""
        kept: dict[str, str] = {}
        for name in names:
            kept.setdefault(fold(name), name)
        if len(kept) > GROUPS_PER_DEVICE_MAX:
            raise TooManyGroupsError(f"{device} may be in {GROUPS_PER_DEVICE_MAX} groups at most")
        groups = tuple(kept.values())
        return groups != self.of(device) and self._devices.put_into(device, groups)

    def add(self, group: str, device: str) -> bool:
        """Puts a device into a group; returns whether it was not in it."""
        return not self.has(group, device) and self.put(device, (*self.of(device), group))

    def remove(self, group: str, device: str) -> bool:
        """Takes a device out of a group; returns whether it was in it."""
        wanted = fold(group)
        return self.put(device, [name for name in self.of(device) if fold(name) != wanted])

    def rename(self, group: str, name: str) -> list[str]:
        """Gives a group another name, or adds its devices to the group that has it; returns them."""
        wanted, members = fold(group), self.members(group)
        for device in members:
            names = [name if fold(own) == wanted else own for own in self.of(device)]
            self._devices.put_into(device, list({fold(own): own for own in names}.values()))
        return members
