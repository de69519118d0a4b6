"""What each command of a device was last carried out with, since the board started: where its controls stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DEVICES_MAX = 20_000


class LastArguments:
    """Keeps it in memory, a board each. Used from the event loop only.

    Kept are arguments that the board declared and that are one of few: numbers, truth values and
    choices; free text may be long or a secret. A board that starts anew, or does not say whether it
    did, begins with nothing. Beyond `devices_max` the board is forgotten that came first.
    """

    def __init__(self, devices_max: int = DEVICES_MAX) -> None:
        self._devices_max = devices_max
        self._boots: dict[str, str | None] = {}
        self._kept: dict[str, dict[str, dict[str, Any]]] = {}

    def begin(self, device: str, boot_id: str | None) -> None:
        """Notes that a board introduced itself."""
        if boot_id is None or self._boots.get(device) != boot_id:
            self.forget(device)
        self._boots[device] = boot_id
        if len(self._boots) > self._devices_max:
            self.forget(next(iter(self._boots)))

    def keep(self, device: str, name: str, args: Mapping[str, Any], rules: Mapping[str, Any] | None) -> None:
        """Notes that a board carried a command out; what earlier ones set besides stays."""
        few = {key: value for key, value in args.items() if _is_one_of_few(value, (rules or {}).get(key))}
        if few and device in self._boots:
            self._kept.setdefault(device, {}).setdefault(name, {}).update(few)

    def of(self, device: str) -> dict[str, dict[str, Any]]:
        """Returns the arguments by command."""
        return self._kept.get(device, {})

    def forget(self, device: str) -> None:
        """Forgets a board."""
        self._boots.pop(device, None)
        self._kept.pop(device, None)


def _is_one_of_few(value: Any, rule: Mapping[str, Any] | None) -> bool:
    if rule is None:
        return False
    return isinstance(value, bool | int | float) or (isinstance(value, str) and value in rule.get("choices", ()))
