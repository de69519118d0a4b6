"""Which rules are true: fed with readings, links and the time, it says what came true and what ended.

No I/O and no clock. A reading costs one look-up and one comparison, however many rules there are: only one that leaves
the range in which nothing changes is looked at by the rules of its own value. Times are monotonic seconds, so that a
clock that is set changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from darvaz.gateway.alerts.rules import GATEWAY, AlertRule
from darvaz.gateway.alerts.states import NO_SERIES, Key, Watched, WatchStates, exhaust, groups_of, name_of
from darvaz.gateway.alerts.watches import State, Watch, compares

# Rules times devices.
WATCHES_MAX = 200_000
# A device reports at most this many values that any rule may be about (telemetry keeps as many).
SERIES_PER_DEVICE_MAX = 64
# Of one moment are readings that differ by less.
_SAME_S = 0.002
_CHANGED = "the rule was changed"


class Engine(WatchStates):
    """The rules, and how each is for each device. Used by one thread; no method waits."""

    def __init__(self, fold: Callable[[str], str] = str) -> None:
        super().__init__()
        # Returns what is the same for spellings of one group; the groups of devices are given so.
        self._fold = fold
        self._rules: dict[str, AlertRule] = {}
        # Device, group (with a slash in front, which no device has), or "" for all → the rules for it, by id; without
        # those of groups and of all about values, which watch a device once it reported the name of theirs.
        self._targets: dict[str, dict[str, AlertRule]] = {}
        # Name of such a value → the rules about it; and of those the rules of each group, by name of the value.
        self._by_value: dict[str, dict[str, AlertRule]] = {}
        self._of_groups: dict[str, dict[str, dict[str, AlertRule]]] = {}
        # The ids of rules about any value.
        self._about_values: set[str] = set()
        self.unwatched = 0
        """Watches that were not made, because there are too many."""

    # What it knows

    @property
    def rules(self) -> Mapping[str, AlertRule]:
        """The rules by id, the oldest first."""
        return self._rules

    @property
    def has_rules_about_values(self) -> bool:
        return bool(self._about_values)

    def is_active(self, key: Key) -> bool:
        watch = self._watches.get(key)
        return watch is not None and watch.state is State.ACTIVE

    def waiting(self, now_s: float) -> Iterator[tuple[Key, float]]:
        """Yields what is true for less than its time, with the seconds of it so far."""
        for key, watch in self._watches.items():
            if watch.state is State.WAITING:
                yield key, max(0.0, now_s - watch.since_s)

    # Rules

    def put_rule(self, rule: AlertRule, now_s: float) -> None:
        """Adds a rule, or replaces the one of its id."""
        exhaust(self.put_by_device(rule, now_s))

    def put_by_device(self, rule: AlertRule, now_s: float) -> Iterator[str]:
        """Adds a rule, or replaces the one of its id; what it returns has one more device watched with each step."""
        before = self._unlist(rule.id)
        self._list(rule)
        return self._exchange(rule.id, rule, self._devices_of(*filter(None, (before, rule))), now_s, _CHANGED)

    def remove_rule(self, rule_id: str, now_s: float) -> None:
        """Removes a rule; what is true of it ends."""
        exhaust(self.remove_by_device(rule_id, now_s))

    def remove_by_device(self, rule_id: str, now_s: float) -> Iterator[str]:
        """Removes a rule; what it returns ends what is true of it for one more device with each step."""
        rule = self._unlist(rule_id)
        return self._exchange(rule_id, None, self._devices_of(rule) if rule else [], now_s, "the rule was removed")

    def _list(self, rule: AlertRule) -> None:
        self._rules[rule.id] = rule
        if rule.value:
            self._about_values.add(rule.id)
        if rule.value and rule.device is None:
            self._by_value.setdefault(rule.value, {})[rule.id] = rule
        if not _waits_for_value(rule):
            self._targets.setdefault(self._target(rule), {})[rule.id] = rule
        elif rule.group is not None:
            self._of_groups.setdefault(self._fold(rule.group), {}).setdefault(name_of(rule), {})[rule.id] = rule

    def _unlist(self, rule_id: str) -> AlertRule | None:
        rule = self._rules.pop(rule_id, None)
        if rule is not None:
            self._about_values.discard(rule_id)
            _remove(self._targets, self._target(rule), rule_id)
            _remove(self._by_value, rule.value or "", rule_id)
            group = self._fold(rule.group or "")
            _remove(self._of_groups.get(group, {}), name_of(rule), rule_id)
            if not self._of_groups.get(group, True):
                del self._of_groups[group]
        return rule

    def _exchange(
        self, rule_id: str, rule: AlertRule | None, devices: list[str], now_s: float, reason: str
    ) -> Iterator[str]:
        group = None if rule is None or rule.group is None or rule.when == "disk" else self._fold(rule.group)
        for device in devices:
            # Between two steps the rule may have been changed once more, and devices may come, move and go.
            if self._rules.get(rule_id) is not rule:
                return
            watch = self._watches.get((rule_id, device))
            if watch is not None and watch.rule is not rule:
                self._drop((rule_id, device), now_s, reason)
            watched = self._devices.get(device)
            is_of = watched is not None and (group is None or group in watched.groups)
            if rule is not None and is_of and (watch is None or watch.is_removed):
                self._apply(rule, device, now_s)
            yield device

    def _devices_of(self, *rules: AlertRule) -> list[str]:
        if any(rule.device is None for rule in rules):
            return list(self._devices)
        return list({rule.device: None for rule in rules if rule.device in self._devices})

    def _rules_of(self, *targets: str) -> list[AlertRule]:
        return [rule for target in targets for rule in self._targets.get(target, {}).values()]

    # Devices

    def put_device(self, device: str, groups: Collection[str], is_online: bool, now_s: float) -> None:
        """Notes a device, or its groups and whether it has a link now."""
        watched = self._devices.get(device)
        if watched is None:
            watched = self._devices[device] = Watched(groups_of(groups), is_online, now_s, NO_SERIES)
            targets = ("", device, *(f"/{group}" for group in groups)) if device != GATEWAY else ("",)
            for rule in self._rules_of(*targets):
                self._apply(rule, device, now_s)
        elif watched.groups != (now_in := groups_of(groups)):
            before, watched.groups = watched.groups, now_in
            self._regroup(device, watched, before, now_s)
        if watched.is_online is not is_online:
            watched.is_online, watched.since_s = is_online, now_s
            for watch in watched.links:
                self._set(watch, not is_online, now_s)

    def forget_device(self, device: str, now_s: float) -> None:
        """Forgets a device; what is true of it ends."""
        watched = self._devices.get(device)
        if watched is not None:
            for watch in watched.watches():
                self._drop((watch.rule.id, device), now_s, "the device was forgotten")
            del self._devices[device]

    # What happens

    def watches(self, device: str, values: Mapping[str, Any]) -> bool:
        """Whether `receive` would look at any of these values: most reports have none that a rule is about."""
        watched = self._devices.get(device)
        if watched is None:
            return False
        return not (watched.series.keys().isdisjoint(values) and self._by_value.keys().isdisjoint(values))

    def receive(self, device: str, values: Mapping[str, Any], at_s: float) -> None:
        """Takes the values of a device, which it had at this time; late ones change nothing."""
        watched = self._devices.get(device)
        if watched is None:
            return
        for name, value in values.items():
            series = watched.series.get(name)
            if series is None:
                if name in self._by_value:
                    self._meet(device, watched, name, value, at_s)
            elif at_s >= series.received_s - _SAME_S:
                before_s, series.received_s = series.received_s, at_s
                if value.__class__ in (int, float) and series.low <= value <= series.high:
                    series.value = value
                elif value != series.value or value.__class__ is not series.value.__class__:
                    self._compare(series, value, at_s, before_s)

    def know(self, device: str, readings: Mapping[str, tuple[Any, float]]) -> None:
        """Takes newest readings from before: name → value and its time. None as value: the name alone is known."""
        watched = self._devices.get(device)
        if watched is None:
            return
        for name, (value, at_s) in readings.items():
            if name in self._by_value:
                self._meet(device, watched, name, None, at_s)
            series = watched.series.get(name)
            if series is not None and series.value is None and value is not None:
                series.received_s = at_s
                self._compare(series, value, at_s, at_s)

    def occur(self, device: str, event: str, at_s: float) -> None:
        """Takes an event of the gateway about a device; what it makes true stays so until it is acknowledged."""
        watched = self._devices.get(device)
        for watch in watched.events if watched is not None else ():
            if watch.rule.event == event:
                self._set(watch, True, at_s, event)

    def end(self, key: Key, now_s: float, reason: str) -> None:
        """Ends what is true of an event."""
        watch = self._watches.get(key)
        if watch is not None and watch.rule.when == "event":
            self._set(watch, False, now_s, reason=reason)

    # After a restart

    def restore(self, key: Key, *, is_active: bool, since_s: float) -> bool:
        """Takes up what was true before a restart; returns whether there is such a rule and device."""
        rule, watched = self._rules.get(key[0]), self._devices.get(key[1])
        if rule is not None and rule.value in self._by_value and watched is not None:
            self._meet(key[1], watched, rule.value or "", None, since_s)
        watch = self._watches.get(key)
        if watch is None:
            return False
        watch.since_s = watch.true_s = since_s
        watch.state = State.ACTIVE if is_active else State.WAITING
        series = self._series_of(watch)
        if series is not None:
            # The next reading decides whether it is still so.
            series.look_at_each()
            if watch.rule.when == "silent":
                series.received_s = since_s
        # It may be due earlier than it is queued for.
        watch.is_queued = False
        self._enqueue(watch, watch.due_s)
        return True

    # Its own

    def _apply(self, rule: AlertRule, device: str, now_s: float) -> None:
        """Makes the watches of a rule for a device, if it is one of the rule's."""
        watched = self._devices[device]
        if not rule.is_on or not self._is_of(rule, device, watched.groups):
            return
        if rule.when in ("offline", "event"):
            watch = self._make(rule, device, now_s)
            if watch is not None:
                if rule.when == "event":
                    watched.events += (watch,)
                    return
                watched.links += (watch,)
                if not watched.is_online:
                    self._set(watch, True, watched.since_s)
            return
        name = name_of(rule)
        if _waits_for_value(rule) and name not in watched.series:
            return
        self._watch_value(rule, device, name, now_s)

    def _watch_value(self, rule: AlertRule, device: str, name: str, now_s: float) -> None:
        watch = self._make(rule, device, now_s)
        if watch is None:
            return
        series = self._devices[device].add_series(name, now_s)
        if compares(rule):
            series.watches.append(watch)
            if series.value is not None:
                self._compare_one(watch, series.value, now_s, now_s)
        else:
            series.silences.append(watch)
            self._enqueue(watch, series.received_s + rule.for_s)
        series.forget_range()

    def _meet(self, device: str, watched: Watched, name: str, value: Any, at_s: float) -> None:
        """Begins to watch a value that a device reports for the first time, for the rules of its groups and of all."""
        if name in watched.series or len(watched.series) >= SERIES_PER_DEVICE_MAX:
            return
        series = watched.add_series(name, at_s)
        series.narrow()
        for rule in self._by_value[name].values():
            if rule.is_on and self._is_of(rule, device, watched.groups):
                self._watch_value(rule, device, name, at_s)
        if value is not None:
            self._compare(series, value, at_s, at_s)

    def _make(self, rule: AlertRule, device: str, now_s: float) -> Watch | None:
        # Of the rule as it was, until its turn comes.
        self._drop((rule.id, device), now_s, _CHANGED)
        if len(self._watches) >= WATCHES_MAX:
            self.unwatched += 1
            return None
        watch = self._watches[rule.id, device] = Watch(rule, device)
        return watch

    def _drop(self, key: Key, now_s: float, reason: str) -> None:
        watch, watched = self._watches.pop(key, None), self._devices.get(key[1])
        if watch is None:
            return
        self._set(watch, False, now_s, reason=reason)
        watch.is_removed = True
        if watched is None:
            return
        series = self._series_of(watch)
        watched.drop(watch)
        if series is not None:
            for watches in (series.watches, series.silences):
                if watch in watches:
                    watches.remove(watch)
            series.forget_range()

    def _regroup(self, device: str, watched: Watched, before: frozenset[str], now_s: float) -> None:
        left, joined = before - watched.groups, watched.groups - before
        for watch in watched.watches() if left else ():
            group = watch.rule.group
            if group is not None and self._fold(group) in left:
                self._drop((watch.rule.id, device), now_s, f"the device left the group {group}")
        for group in joined:
            by_name = self._of_groups.get(group, {})
            of_values = [rule for name in by_name.keys() & watched.series.keys() for rule in by_name[name].values()]
            for rule in self._rules_of(f"/{group}") + of_values:
                self._apply(rule, device, now_s)

    def _target(self, rule: AlertRule) -> str:
        return f"/{self._fold(rule.group)}" if rule.group is not None else rule.device or ""

    def _is_of(self, rule: AlertRule, device: str, groups: Collection[str]) -> bool:
        if rule.when == "disk" or device == GATEWAY:
            return rule.when == "disk" and device == GATEWAY
        if rule.device is not None:
            return rule.device == device
        return rule.group is None or self._fold(rule.group) in groups


def _waits_for_value(rule: AlertRule) -> bool:
    """Whether a rule watches a device only once that has reported the value."""
    return rule.device is None and rule.when not in ("offline", "event", "disk")


def _remove(index: dict[str, dict[str, AlertRule]], name: str, rule_id: str) -> None:
    rules = index.get(name, {})
    rules.pop(rule_id, None)
    if not rules:
        index.pop(name, None)
