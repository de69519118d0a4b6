"""Which automations are due: fed with readings, links and the time. No I/O and no clock.

Conditions are those of alerts: the same engine watches them.
"""

from __future__ import annotations

import datetime
import heapq
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from darvaz.automations.declarations import Automation
from darvaz.gateway.alerts.engine import Engine
from darvaz.gateway.alerts.rules import AlertRule

# What was due is run late by this much at most, without being called missed.
LATE_S = 60.0


@dataclass(frozen=True, slots=True)
class Due:
    """An automation to run now, for a board; or, `is_missed`, one that was not run at its time."""

    automation: Automation
    device: str | None = None
    is_missed: bool = False
    missed_s: float = 0.0


class Automations:
    """The automations. `now_s` is monotonic, `unix_s` the wall clock, which decides about times of day."""

    def __init__(
        self, automations: Sequence[Automation], zone: datetime.tzinfo, now_s: float, unix_s: float,
        last_unix_s: float | None = None,
    ) -> None:  # fmt: skip
        self._automations = list(automations)
        self._zone = zone
        self._engine = Engine()
        self._by_rule: dict[str, Automation] = {}
        # Device → name → its newest value, and whether it has a link, for `on`.
        self._values: dict[str, dict[str, Any]] = {}
        self._online: dict[str, bool] = {}
        # When schedules are due, in Unix seconds, and the number of the automation.
        self._schedule: list[tuple[float, int]] = []
        # Intervals, by the clock that is never set.
        self._intervals: list[tuple[float, int]] = []
        self._due: list[Due] = []
        self._unix_s = unix_s
        for number, automation in enumerate(automations):
            self._begin(number, automation, now_s, unix_s, last_unix_s)

    def put_device(self, device: str, groups: Collection[str], is_online: bool, now_s: float) -> None:
        """Notes a board, its groups, and whether it has a link."""
        before = self._online.get(device)
        self._online[device] = is_online
        self._engine.put_device(device, groups, is_online, now_s)
        if before is not None and before is not is_online:
            self._happen(device, "online" if is_online else "offline")

    def receive(self, device: str, values: Mapping[str, Any], at_s: float) -> None:
        """Takes values of a board."""
        self._engine.receive(device, values, at_s)
        known = self._values.setdefault(device, {})
        for name, value in values.items():
            before = known.get(name)
            known[name] = value
            if before == value and name in known:
                continue
            if value is True or (not isinstance(value, str | bool) and value and not before):
                self._happen(device, name)
            elif isinstance(value, str):
                self._happen(device, value)

    def tick(self, now_s: float, unix_s: float) -> None:
        """Looks at everything that is due."""
        if unix_s < self._unix_s - LATE_S:
            # The clock was set back: times of day are those of the clock now.
            self._reschedule(unix_s)
        self._unix_s = unix_s
        self._engine.tick(now_s)
        while self._schedule and self._schedule[0][0] <= unix_s:
            due_s, number = heapq.heappop(self._schedule)
            automation = self._automations[number]
            self._arrange(number, max(due_s, unix_s - LATE_S))
            self._come_due(automation, due_s, unix_s)
        while self._intervals and self._intervals[0][0] <= now_s:
            due_s, number = heapq.heappop(self._intervals)
            schedule = self._automations[number].schedule
            assert schedule is not None
            heapq.heappush(self._intervals, (max(due_s + schedule.interval_s, now_s), number))
            self._due.append(Due(self._automations[number]))

    def take_due(self) -> list[Due]:
        """Returns what is to be run now."""
        for change in self._engine.take_changes():
            if change.is_active:
                self._due.append(Due(self._by_rule[change.rule.id], change.device))
        due, self._due = self._due, []
        return due

    def wait_s(self, now_s: float, unix_s: float) -> float:
        """Returns how long nothing is due."""
        found = [self._engine.due_s - now_s]
        if self._schedule:
            found.append(self._schedule[0][0] - unix_s)
        if self._intervals:
            found.append(self._intervals[0][0] - now_s)
        return max(0.0, min(found, default=math.inf))

    def _begin(
        self, number: int, automation: Automation, now_s: float, unix_s: float, last_unix_s: float | None
    ) -> None:
        if automation.condition is not None:
            condition = automation.condition
            rule = AlertRule(
                id=str(number), when=condition.when, device=condition.device,  # type: ignore[arg-type]
                group=condition.group, value=condition.value, threshold=condition.threshold,
                for_s=automation.for_s, hysteresis=automation.hysteresis,
            )  # fmt: skip
            self._by_rule[rule.id] = automation
            self._engine.put_rule(rule, now_s)
        elif automation.schedule is not None and automation.schedule.interval_s:
            heapq.heappush(self._intervals, (now_s + automation.schedule.interval_s, number))
        elif automation.schedule is not None:
            if last_unix_s is not None:
                due_s = automation.schedule.next_s(last_unix_s, self._zone)
                if due_s <= unix_s:
                    self._come_due(automation, due_s, unix_s)
            self._arrange(number, unix_s)

    def _come_due(self, automation: Automation, due_s: float, unix_s: float) -> None:
        is_missed = unix_s - due_s > LATE_S
        self._due.append(Due(automation, None, is_missed, due_s))

    def _arrange(self, number: int, after_s: float) -> None:
        schedule = self._automations[number].schedule
        assert schedule is not None
        heapq.heappush(self._schedule, (schedule.next_s(after_s, self._zone), number))

    def _reschedule(self, unix_s: float) -> None:
        numbers = [number for _, number in self._schedule]
        self._schedule.clear()
        for number in numbers:
            self._arrange(number, unix_s)

    def _happen(self, device: str, event: str) -> None:
        for automation in self._automations:
            if automation.device == device and automation.event == event:
                self._due.append(Due(automation, device))
