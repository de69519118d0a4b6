"""How watches change: with a reading, with a link, and with the time; what came true and what ended. No clock."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from darvaz.gateway.alerts.rules import DISK_FREE, GATEWAY, AlertRule
from darvaz.gateway.alerts.watches import State, Watch, WatchedSeries, compares, is_true

# How many watches of removed rules may wait in the queue beside the others.
_REMOVED_MAX = 1_000

Key = tuple[str, str]
"""The ids of a rule and of a device."""


@dataclass(frozen=True, slots=True)
class Change:
    """A rule came true for a device, or is so no more; `since_s` is when its condition began."""

    rule: AlertRule
    device: str
    is_active: bool
    since_s: float
    at_s: float
    value: Any = None
    reason: str = ""


# Most devices are in no group and have no watches: there may be thousands of them.
_NO_GROUPS: frozenset[str] = frozenset()
NO_SERIES: Mapping[str, WatchedSeries] = MappingProxyType({})


@dataclass(slots=True)
class Watched:
    """What is watched of one device."""

    groups: frozenset[str]
    is_online: bool
    since_s: float
    series: Mapping[str, WatchedSeries]
    """By the name of the value; `add_series` adds."""
    links: tuple[Watch, ...] = ()
    """The watches of "offline"."""
    events: tuple[Watch, ...] = ()

    def add_series(self, name: str, since_s: float) -> WatchedSeries:
        """Begins to watch a value; returns what is watched of it, also if that is not new."""
        if not isinstance(self.series, dict):
            self.series = {}
        return self.series.setdefault(name, WatchedSeries(since_s))

    def watches(self) -> list[Watch]:
        """Returns every watch of the device."""
        found = [*self.links, *self.events]
        for series in self.series.values():
            found += [*series.watches, *series.silences]
        return found

    def drop(self, watch: Watch) -> None:
        """Lets go of a watch of links or events."""
        self.links = tuple(other for other in self.links if other is not watch)
        self.events = tuple(other for other in self.events if other is not watch)


def groups_of(names: Collection[str]) -> frozenset[str]:
    """Returns the groups of a device; those in none share one object."""
    return frozenset(names) if names else _NO_GROUPS


class WatchStates:
    """The watches of all rules, and the queue of those that have to be looked at. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._devices: dict[str, Watched] = {}
        self._watches: dict[Key, Watch] = {}
        # When a watch has to be looked at, a count for equal times, and the watch.
        self._queue: list[tuple[float, int, Watch]] = []
        self._order = itertools.count()
        self._changes: list[Change] = []

    @property
    def has_changes(self) -> bool:
        return bool(self._changes)

    @property
    def due_s(self) -> float:
        """Returns when `tick` has something to do; infinity for never."""
        return self._queue[0][0] if self._queue else math.inf

    def take_changes(self) -> list[Change]:
        """Returns what changed since the last call, the oldest first."""
        changes, self._changes = self._changes, []
        return changes

    def tick(self, now_s: float) -> None:
        """Looks at everything that is due."""
        exhaust(self.tick_by_watch(now_s))

    def tick_by_watch(self, now_s: float) -> Iterator[None]:
        """Looks at everything that is due, at one of them with each step."""
        while self._queue and self._queue[0][0] <= now_s:
            watch = heapq.heappop(self._queue)[2]
            watch.is_queued = False
            if not watch.is_removed:
                self._look(watch, now_s)
            yield

    # Its own

    def _compare(self, series: WatchedSeries, value: Any, at_s: float, before_s: float) -> None:
        series.value = value
        for watch in series.watches:
            self._compare_one(watch, value, at_s, before_s)
        for watch in series.silences:
            if watch.state is not State.CALM:
                self._set(watch, False, at_s)
        series.narrow()

    def _compare_one(self, watch: Watch, value: Any, at_s: float, before_s: float) -> None:
        truth = is_true(watch, value)
        if truth is None:
            return
        if watch.state is State.WAITING:
            # Readings that waited on a board tell of a time that is over: it may have come true then.
            known_s = at_s if truth else before_s
            if known_s >= watch.due_s:
                self._begin(watch, watch.due_s)
        self._set(watch, truth, at_s, value)

    def _set(self, watch: Watch, truth: bool, at_s: float, value: Any = None, reason: str = "") -> None:
        """Notes whether the condition of a watch is true."""
        if truth:
            watch.true_s = at_s
            if watch.state is State.CALM:
                watch.state, watch.since_s, watch.value = State.WAITING, at_s, value
                if watch.rule.for_s <= 0:
                    self._begin(watch, at_s)
                else:
                    self._enqueue(watch, watch.due_s)
        elif watch.state is not State.CALM:
            was_active, watch.state = watch.state is State.ACTIVE, State.CALM
            if was_active:
                self._changes.append(Change(watch.rule, watch.device, False, watch.since_s, at_s, value, reason))

    def _begin(self, watch: Watch, at_s: float) -> None:
        watch.state = State.ACTIVE
        self._changes.append(Change(watch.rule, watch.device, True, watch.since_s, at_s, watch.value))

    def _look(self, watch: Watch, now_s: float) -> None:
        """Looks at a watch that is due."""
        if watch.rule.when == "silent":
            self._look_for_silence(watch, now_s)
        elif watch.state is State.WAITING:
            if watch.due_s > now_s:
                self._enqueue(watch, watch.due_s)
            elif compares(watch.rule) and not self._is_online(watch.device):
                # Nobody knows how it is now: the next reading says.
                series = self._series_of(watch)
                if series is not None:
                    series.look_at_each()
            else:
                self._begin(watch, now_s)

    def _look_for_silence(self, watch: Watch, now_s: float) -> None:
        series = self._series_of(watch)
        if series is None or watch.state is State.ACTIVE:
            return
        due_s = series.received_s + watch.rule.for_s
        if due_s > now_s:
            self._enqueue(watch, due_s)
            return
        watch.since_s, watch.value = series.received_s, series.value
        self._begin(watch, now_s)
        series.look_at_each()

    def _series_of(self, watch: Watch) -> WatchedSeries | None:
        watched = self._devices.get(watch.device)
        return None if watched is None else watched.series.get(name_of(watch.rule))

    def _is_online(self, device: str) -> bool:
        return device == GATEWAY or self._devices[device].is_online

    def _enqueue(self, watch: Watch, due_s: float) -> None:
        if not watch.is_queued:
            watch.is_queued = True
            heapq.heappush(self._queue, (due_s, next(self._order), watch))
            if len(self._queue) > 2 * len(self._watches) + _REMOVED_MAX:
                self._queue = [entry for entry in self._queue if not entry[2].is_removed]
                heapq.heapify(self._queue)


def exhaust(steps: Iterator[object]) -> None:
    """Takes every step at once."""
    for _ in steps:
        pass


def name_of(rule: AlertRule) -> str:
    """Returns the name of the value that a rule is about."""
    return DISK_FREE if rule.when == "disk" else rule.value or ""
