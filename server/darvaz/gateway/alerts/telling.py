"""Who is told what, and when: gathers what happens together, keeps quiet hours, and escalates. No I/O and no clock.

What has a common cause comes true within seconds for many boards: it is gathered for a few seconds, and becomes one
message for each channel. In quiet hours nothing is told; what is still true when they end is told then.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from darvaz.gateway.alerts.records import Alert
from darvaz.gateway.alerts.rules import AlertRule

# How long is gathered after the first, and at most while more come.
GATHER_S, GATHER_MAX_S = 5.0, 15.0
# How often it is looked whether quiet hours are over.
QUIET_LOOK_S = 20.0


@dataclass(slots=True)
class Notice:
    """What one channel is told together."""

    channel: str
    began: list[Alert] = field(default_factory=list)
    ended: list[Alert] = field(default_factory=list)
    escalated: list[Alert] = field(default_factory=list)
    """What nobody acknowledged in time."""


class Teller:
    """Decides what is told. Times are monotonic seconds, except for the minute of the day.

    `minute_of_day` returns the minute of the gateway's day; `channels` returns the names of all channels.
    """

    def __init__(
        self,
        rules: Mapping[str, AlertRule],
        channels: Callable[[], Iterable[str]],
        minute_of_day: Callable[[], int],
    ) -> None:
        self._rules = rules
        self._channels = channels
        self._minute_of_day = minute_of_day
        # By id: what began and nobody was told of, and what ended after they were.
        self._began: dict[str, Alert] = {}
        self._ended: dict[str, Alert] = {}
        # By id: alerts that escalate at their time, if they are not acknowledged before.
        self._escalations: dict[str, tuple[float, Alert]] = {}
        # By id: what waits for the end of quiet hours.
        self._quiet: dict[str, Alert] = {}
        # When what was gathered is told, and when the gathering began.
        self._tell_s, self._first_s = math.inf, math.inf
        self._quiet_look_s = math.inf

    @property
    def due_s(self) -> float:
        """Returns when `tick` has something to do; infinity for never."""
        escalation_s = min((due_s for due_s, _ in self._escalations.values()), default=math.inf)
        return min(self._tell_s, self._quiet_look_s, escalation_s)

    def begin(self, alert: Alert, now_s: float, age_s: float = 0.0) -> None:
        """Takes an alert that began, or that goes on after a restart, of this age."""
        rule = self._rules.get(alert.rule)
        if not alert.is_announced:
            self._began[alert.id] = alert
            self._gather(now_s)
        if rule is not None and rule.escalate_after_s is not None and not alert.is_escalated:
            left_s = min(max(0.0, rule.escalate_after_s - age_s), rule.escalate_after_s)
            if alert.acknowledged is None:
                self._escalations[alert.id] = (now_s + left_s, alert)

    def end(self, alert: Alert, now_s: float) -> None:
        """Takes an alert that ended."""
        self._escalations.pop(alert.id, None)
        self._quiet.pop(alert.id, None)
        if alert.is_announced:
            self._ended[alert.id] = alert
            self._gather(now_s)

    def acknowledge(self, alert: Alert) -> None:
        """Takes an acknowledgement: nobody else is told."""
        for waiting in (self._began, self._quiet):
            waiting.pop(alert.id, None)
        self._escalations.pop(alert.id, None)

    def tick(self, now_s: float) -> list[Notice]:
        """Returns what is to be told now, one notice for each channel."""
        minute, notices = self._minute_of_day(), _Notices()
        if now_s >= self._quiet_look_s:
            self._began.update(self._quiet)
            self._quiet.clear()
            self._quiet_look_s, self._tell_s = math.inf, min(self._tell_s, now_s)
        if now_s >= self._tell_s:
            self._tell_s = self._first_s = math.inf
            self._tell_gathered(minute, notices)
        self._escalate(now_s, minute, notices)
        if self._quiet and self._quiet_look_s == math.inf:
            self._quiet_look_s = now_s + QUIET_LOOK_S
        return list(notices.by_channel.values())

    def _gather(self, now_s: float) -> None:
        self._first_s = min(self._first_s, now_s)
        self._tell_s = min(now_s + GATHER_S, self._first_s + GATHER_MAX_S)

    def _tell_gathered(self, minute: int, notices: _Notices) -> None:
        began, self._began = self._began, {}
        ended, self._ended = self._ended, {}
        for alert in began.values():
            if self._is_quiet(alert, minute):
                if alert.ended is None:
                    self._quiet[alert.id] = alert
                continue
            alert.is_announced = True
            for channel in self._channels_of(alert):
                notices.of(channel).began.append(alert)
        for alert in ended.values():
            if not self._is_quiet(alert, minute):
                for channel in self._channels_of(alert):
                    notices.of(channel).ended.append(alert)

    def _escalate(self, now_s: float, minute: int, notices: _Notices) -> None:
        for due_s, alert in list(self._escalations.values()):
            rule = self._rules.get(alert.rule)
            if due_s > now_s:
                continue
            if rule is not None and self._is_quiet(alert, minute):
                self._escalations[alert.id] = (now_s + QUIET_LOOK_S, alert)
                continue
            del self._escalations[alert.id]
            alert.is_escalated = True
            for channel in rule.escalate_to if rule is not None else ():
                notices.of(channel).escalated.append(alert)

    def _channels_of(self, alert: Alert) -> Iterable[str]:
        rule = self._rules.get(alert.rule)
        if rule is None or rule.channels is None:
            return self._channels()
        return rule.channels

    def _is_quiet(self, alert: Alert, minute: int) -> bool:
        rule = self._rules.get(alert.rule)
        return rule is not None and rule.quiet is not None and rule.quiet.has(minute)


class _Notices:
    """The notices of one tick, by channel."""

    def __init__(self) -> None:
        self.by_channel: dict[str, Notice] = {}

    def of(self, channel: str) -> Notice:
        return self.by_channel.setdefault(channel, Notice(channel))
