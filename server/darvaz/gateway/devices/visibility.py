"""Which devices are shown to which other systems: all to each that is on, but for those that people hide."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

from darvaz.gateway.devices.registry import Devices

System = Literal["home_assistant", "mqtt", "metrics"]
SYSTEMS: tuple[System, ...] = get_args(System)


def is_shown(devices: Devices, device: str, system: System) -> bool:
    """Returns whether a device is shown to a system."""
    known = devices.get(device)
    return known is not None and system not in known.hidden_from


def hide(devices: Devices, device: str, systems: Iterable[System]) -> bool:
    """Sets from which systems a device is hidden; returns whether that is another set than before."""
    known, wanted = devices.get(device), set(systems)
    ordered = [system for system in SYSTEMS if system in wanted]
    return known is not None and list(known.hidden_from) != ordered and devices.hide(device, ordered)
