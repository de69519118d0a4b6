"""The newest values and vital signs of each device, which go on to the history."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from darvaz.gateway.telemetry.history import History

NAMES_PER_DEVICE_MAX = 64
TYPES = ("telemetry", "pong", "connect")

_HEALTH_NAMES = ("rssi_dbm", "heap_free_bytes")


class Reading(msgspec.Struct):
    """One value and when it came, in Unix seconds."""

    value: bool | int | float | str
    time: float


class Vitals(msgspec.Struct):
    """How a board is, by its last report."""

    rssi_dbm: int | None = None
    heap_free_bytes: int | None = None
    uptime_s: float | None = None


class Telemetry:
    """Keeps the newest values in memory; numbers go on to the history. Used from the event loop only."""

    def __init__(self, history: History, unix_s: Callable[[], float]) -> None:
        self._history = history
        self._unix_s = unix_s
        # Device → name → its newest reading, the least recently reported name first.
        self._latest: dict[str, dict[str, Reading]] = {}
        self._vitals: dict[str, Vitals] = {}

    def receive(self, type_: str, device: str | None, message: Any) -> None:
        """Takes a message of one of `TYPES` from the bus."""
        if device is None:
            return
        if type_ == "telemetry":
            self._keep_values(device, message.values)
            if message.uptime_ms is not msgspec.UNSET:
                self.vitals(device).uptime_s = message.uptime_ms / 1000
        else:
            self._keep_vitals(device, message)

    def latest(self, device: str) -> dict[str, Reading]:
        """Returns the newest value of each name since the gateway started."""
        return dict(self._latest.get(device, {}))

    def vitals(self, device: str) -> Vitals:
        """Returns how a board is; the same object until the device is forgotten."""
        return self._vitals.setdefault(device, Vitals())

    def vitals_or_none(self, device: str) -> Vitals | None:
        """Returns how a board is, if it ever reported that."""
        return self._vitals.get(device)

    def forget(self, device: str) -> None:
        """Forgets a device, its history too."""
        self._latest.pop(device, None)
        self._vitals.pop(device, None)
        self._history.forget(device)

    def _keep_values(self, device: str, values: dict[str, Any]) -> None:
        now_s = self._unix_s()
        kept = self._latest.setdefault(device, {})
        for name, value in values.items():
            # Inserted again, to keep the least recently reported name first.
            kept.pop(name, None)
            kept[name] = Reading(value, now_s)
        while len(kept) > NAMES_PER_DEVICE_MAX:
            del kept[next(iter(kept))]
        self._history.record(device, now_s, values)

    def _keep_vitals(self, device: str, message: Any) -> None:
        vitals, numbers = self.vitals(device), {}
        for name in (*_HEALTH_NAMES, "uptime_s"):
            value = getattr(message, name, msgspec.UNSET)
            if value is msgspec.UNSET:
                continue
            setattr(vitals, name, value)
            if name in _HEALTH_NAMES:
                numbers[name] = float(value)
        if numbers:
            self._history.record(device, self._unix_s(), numbers)
