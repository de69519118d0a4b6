"""The last arguments of each command of a device since the board started, which the dashboard's controls show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DEVICES_MAX = 20_000


class LastArguments:
    """Keeps them in memory, by device. Used from the event loop only.

    Only arguments that the board declared and that are numbers, truth values or choices are kept; free text may be
    long or a secret. A board that restarted, or does not tell whether it did, starts with none. Beyond `devices_max`,
    the device that was added first is forgotten.
    """

    def __init__(self, devices_max: int = DEVICES_MAX) -> None:
        self._devices_max = devices_max
        # Device → `boot_id` of its introduction, the first that was added first.
        self._boots: dict[str, str | None] = {}
        # Device → command → argument → value.
        self._kept: dict[str, dict[str, dict[str, Any]]] = {}

    def begin(self, device: str, boot_id: str | None) -> None:
        """Notes that a board introduced itself."""
        if boot_id is None or self._boots.get(device) != boot_id:
            self.forget(device)
        self._boots[device] = boot_id
        if len(self._boots) > self._devices_max:
            self.forget(next(iter(self._boots)))

    def keep(self, device: str, name: str, args: Mapping[str, Any], rules: Mapping[str, Any] | None) -> None:
        """Notes that a board carried out a command; arguments of earlier commands that this one lacks stay."""
        values = {key: value for key, value in args.items() if _may_be_kept(value, (rules or {}).get(key))}
        if values and device in self._boots:
            self._kept.setdefault(device, {}).setdefault(name, {}).update(values)

    def of(self, device: str) -> dict[str, dict[str, Any]]:
        """Returns the arguments by command."""
        return self._kept.get(device, {})

    def forget(self, device: str) -> None:
        """Forgets a device."""
        self._boots.pop(device, None)
        self._kept.pop(device, None)


def _may_be_kept(value: Any, rule: Mapping[str, Any] | None) -> bool:
    if rule is None:
        return False
    return isinstance(value, bool | int | float) or (isinstance(value, str) and value in rule.get("choices", ()))
