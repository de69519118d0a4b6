"""The newest values and vital signs of each device, which go on to the history."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from darvaz.gateway.events.bus import EventBus
from darvaz.gateway.telemetry.history import History
from darvaz.gateway.telemetry.newest import HEALTH_NAMES, Newest, Reading, Vitals, put
from darvaz.gateway.telemetry.recent import Reports

_ELSEWHERE_TYPES = ("telemetry", "pong", "connect")

# Two clocks that are read one after the other differ by this much at most.
_SAME_MOMENT_S: Final = 0.002
_UNSET: Final = msgspec.UNSET


class _LastReport:
    """One report, and the monotonic second at which it happened."""

    __slots__ = ("at_s", "happened_s", "values")

    def __init__(self, values: dict[str, Any], happened_s: float, at_s: float) -> None:
        self.values = values
        self.happened_s = happened_s
        self.at_s = at_s


class Telemetry:
    """Keeps the newest values in memory; numbers go on to the history. Used from the event loop only."""

    def __init__(
        self, history: History, unix_s: Callable[[], float], monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._history = history
        history.newest = self.dump
        self._unix_s = unix_s
        self._monotonic_s = monotonic_s
        # Device → name → its newest reading, the least recently reported name first.
        self._latest: dict[str, dict[str, Reading]] = {}
        # Device → its last report, newer than all in `_latest` and not among them yet: mostly the next replaces it.
        self._last: dict[str, _LastReport] = {}
        # Device → the start of the board, if it tells; its messages are numbered from there.
        self._boots: dict[str, str] = {}
        # Device → name → the monotonic second of that reading: the wall clock may jump between two.
        self._order: dict[str, dict[str, float]] = {}
        self._vitals: dict[str, Vitals] = {}
        # Device → how it is, as readings: the newest is what came last, also after a clock was set back.
        self._health: dict[str, dict[str, Reading]] = {}

    def follow(self, bus: EventBus) -> None:
        """Takes messages of the bus from now on."""
        bus.subscribe_reports(self.receive_reports)
        bus.subscribe(("pong", "connect"), self.receive)
        bus.subscribe_elsewhere(_ELSEWHERE_TYPES, self.hear)

    def receive_reports(self, device: str, reports: list[Any]) -> None:
        """Takes `TimedMessage` of reports that came together from the bus."""
        at_s = self._monotonic_s() - self._unix_s()
        boot = self._boots.get(device, "")
        kept = Reports(device, boot)
        # Whether each report has the names of the newest, and comes behind the others: then that one replaces them.
        newest_s, newest = reports[-1]
        names: dict[str, Any] = newest.values
        before_s, is_plain = 0.0, True
        uptime_ms = -1.0
        for happened_s, message in reports:
            values: dict[str, Any] = message.values
            is_plain = is_plain and before_s <= happened_s and (values is names or _has_names(values, names))
            before_s = happened_s
            if message.uptime_ms is not _UNSET and message.uptime_ms > uptime_ms:
                uptime_ms = message.uptime_ms
            kept.times_ms.append(int(happened_s * 1000))
            kept.values.append(values)
            if boot:
                kept.numbers.append(-1 if message.seq is _UNSET else message.seq)
        if is_plain:
            self._keep_values(device, names, newest_s, at_s + newest_s)
        else:
            for happened_s, message in reports:
                self._keep_values(device, message.values, happened_s, at_s + happened_s)
        self._history.record_all(kept)
        if uptime_ms >= 0:
            self._keep_uptime(device, uptime_ms)

    def receive(self, type_: str, device: str | None, message: Any, happened_s: float) -> None:
        """Takes an introduction or a sign of life from the bus."""
        if device is None:
            return
        if type_ == "connect":
            self._begin(device, message.boot_id or "")
        self._record_vitals(device, message, happened_s)
        if message.uptime_ms is not _UNSET:
            self._keep_uptime(device, message.uptime_ms)

    def hear(self, type_: str, device: str | None, message: Any, happened_s: float) -> None:
        """Takes a message of a device at another gateway, which has it in its history."""
        if device is None:
            return
        if type_ == "telemetry":
            self._keep_values(device, message.values, happened_s, self._monotonic_s() + happened_s - self._unix_s())
        else:
            if type_ == "connect":
                self._begin(device, message.boot_id or "")
            self._keep_vitals(device, message, happened_s)
        if message.uptime_ms is not _UNSET:
            self._keep_uptime(device, message.uptime_ms)

    def _keep_uptime(self, device: str, uptime_ms: float) -> None:
        vitals, uptime_s = self.vitals(device), uptime_ms / 1000
        # What waited on the board says how long it ran then.
        if vitals.uptime_s is None or vitals.uptime_s < uptime_s:
            vitals.uptime_s = uptime_s

    def restore(self, found: Mapping[str, Newest], boots: Mapping[str, str]) -> None:
        """Takes the newest values of before the start of the gateway, of devices that are known, by their boots."""
        for device, boot in boots.items():
            stored_boot, readings = found.get(device, (boot, None))
            if readings is not None:
                self._boots[device] = boot or stored_boot
                # Reports without a number have no start with them in the record log.
                self._latest[device] = {} if boot and stored_boot and boot != stored_boot else readings

    def latest(self, device: str) -> dict[str, Reading]:
        """Returns the newest value of each name since the board started, as far as it tells when that was."""
        self._settle(device)
        return dict(self._latest.get(device, {}))

    def health(self, device: str) -> dict[str, Reading]:
        """Returns how a board is, by its last report since the gateway started, with its time."""
        return self._health.get(device, {})

    def knows(self, device: str) -> bool:
        """Returns whether anything was heard of a device, be it that its values are not known any more."""
        return device in self._latest or device in self._last

    def dump(self, device: str) -> Newest:
        """Returns the start of a board and its newest values; from any thread."""
        while True:
            last = self._last.get(device)
            boot, readings = self._boots.get(device, ""), self._latest.get(device, {}).copy()
            # Otherwise the event loop has put it among the others meanwhile.
            if self._last.get(device) is last:
                break
        if last is not None:
            for name, value in last.values.items():
                put(readings, name, Reading(value, last.happened_s))
        return boot, readings

    def vitals(self, device: str) -> Vitals:
        """Returns how a board is; the same object until the device is forgotten."""
        vitals = self._vitals.get(device)
        if vitals is None:
            vitals = self._vitals[device] = Vitals()
        return vitals

    def vitals_or_none(self, device: str) -> Vitals | None:
        """Returns how a board is, if it ever reported that."""
        return self._vitals.get(device)

    def forget(self, device: str) -> None:
        """Forgets a device, its history too."""
        self.drop(device)
        self._history.forget(device)

    def drop(self, device: str) -> None:
        """Lets go of what memory has of a device."""
        self._last.pop(device, None)
        self._latest.pop(device, None)
        self._order.pop(device, None)
        self._boots.pop(device, None)
        self._vitals.pop(device, None)
        self._health.pop(device, None)

    def _begin(self, device: str, boot: str) -> None:
        """Notes an introduction; a board that started again has told nothing yet."""
        if boot and boot != self._boots.get(device, boot):
            self._last.pop(device, None)
            self._latest[device] = {}
            self._order.pop(device, None)
        self._boots[device] = boot
        self.vitals(device).uptime_s = None

    def _keep_values(self, device: str, values: dict[str, Any], happened_s: float, at_s: float) -> None:
        last = self._last.get(device)
        if last is not None:
            if at_s < last.at_s - _SAME_MOMENT_S:
                self._settle(device)
                self._keep_each(device, values, happened_s, at_s)
                return
            if not _has_names(last.values, values):
                self._settle(device)
                at_s = max(at_s, last.at_s)
        # In one step, for `dump`; it is newer than all others.
        self._last[device] = _LastReport(values, happened_s, at_s)

    def _settle(self, device: str) -> None:
        """Puts the last report among the newest values."""
        last = self._last.get(device)
        if last is not None and last.values:
            self._keep_each(device, last.values, last.happened_s, last.at_s)
            # Not before: `dump` finds the values here or there. Its time is still that of the newest report.
            self._last[device] = _LastReport({}, last.happened_s, last.at_s)

    def _keep_each(self, device: str, values: dict[str, Any], happened_s: float, at_s: float) -> None:
        kept = self._latest.setdefault(device, {})
        order = self._order.setdefault(device, {})
        for name, value in values.items():
            # A late reading does not replace a newer one; one that is hardly older came in the same moment.
            if at_s < order.get(name, at_s) - _SAME_MOMENT_S:
                continue
            order[name] = at_s
            put(kept, name, Reading(value, happened_s))
        if len(order) > len(kept):
            self._order[device] = {name: at_s for name, at_s in order.items() if name in kept}

    def record(self, device: str, report: Any, happened_s: float) -> None:
        """Puts a report into the history, if that does not have it yet."""
        kept = Reports(device, self._boots.get(device, ""))
        kept.add(int(happened_s * 1000), report.values, -1 if report.seq is _UNSET else report.seq)
        self._history.record_all(kept)

    def _record_vitals(self, device: str, message: Any, happened_s: float) -> None:
        numbers = self._keep_vitals(device, message, happened_s)
        if numbers:
            self._history.record(device, happened_s, numbers)

    def _keep_vitals(self, device: str, message: Any, happened_s: float) -> dict[str, float]:
        """Keeps how a board is, and returns the numbers among that for the history."""
        vitals, numbers = self.vitals(device), {}
        for name in (*HEALTH_NAMES, "uptime_s"):
            value = getattr(message, name, _UNSET)
            if value is _UNSET:
                continue
            setattr(vitals, name, value)
            if name in HEALTH_NAMES:
                numbers[name] = float(value)
                self._health.setdefault(device, {})[name] = Reading(value, happened_s)
        return numbers


def _has_names(values: dict[str, Any], others: dict[str, Any]) -> bool:
    """Returns whether two reports have the same names."""
    return len(values) == len(others) and all(name in others for name in values)
