"""The alerts that are true now and those that were, in memory and in the data folder."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from darvaz.gateway.alerts.records import ACTIVE_MAX, ALERTS_TABLE, ENDED_MAX, Alert
from darvaz.gateway.alerts.rules import GATEWAY, sentence
from darvaz.gateway.alerts.states import Change, Key
from darvaz.gateway.alerts.words import what_is_wrong
from darvaz.gateway.storage.kept_rows import Kept, new_id


class AlertBook:
    """The alerts. Used from the event loop only.

    `offset_s` of its methods is the difference of Unix and monotonic time.
    """

    def __init__(self, tables: sqlite3.Connection) -> None:
        self._kept = Kept(tables, ALERTS_TABLE, Alert)
        self.active: dict[Key, Alert] = {}
        """What is true now, the oldest first, by rule and device."""
        # What was, the oldest first, by id.
        self._ended: dict[str, Alert] = {}
        self.uncounted = 0
        """Alerts that were not kept, because too many are true."""

    def load(self, unix_s: float, take_up: Callable[[Key, Alert], bool]) -> None:
        """Reads what was before; `take_up` says whether an alert that was true goes on."""
        lost = {}
        for alert in self._kept.load().values():
            key = (alert.rule, alert.device or GATEWAY)
            if alert.ended is None and take_up(key, alert):
                self.active[key] = alert
                continue
            if alert.ended is None:
                alert.ended, alert.reason = unix_s, "the rule or the device is gone"
                lost[alert.id] = alert
            self._ended[alert.id] = alert
        self._kept.put(lost)

    def find(self, alert_id: str) -> tuple[Key, Alert] | None:
        """Returns an alert that is true now, with its key."""
        return next(((key, alert) for key, alert in self.active.items() if alert.id == alert_id), None)

    def history(self, limit: int, before: str | None = None) -> list[Alert]:
        """Returns alerts that are over, the newest first; those before one of them."""
        newest_first = list(reversed(self._ended.values()))
        ids = [alert.id for alert in newest_first]
        start = ids.index(before) + 1 if before in ids else 0
        return newest_first[start : start + limit]

    def begin(self, change: Change, offset_s: float) -> Alert | None:
        """Adds an alert; None if there is one already, or if there are too many."""
        key = (change.rule.id, change.device)
        if key in self.active:
            return None
        if len(self.active) >= ACTIVE_MAX:
            self.uncounted += 1
            return None
        alert = self.active[key] = Alert(
            id=new_id(),
            rule=change.rule.id,
            device=change.device or None,
            title=change.rule.title or sentence(change.rule),
            when=change.rule.when,
            what=what_is_wrong(change.rule, change.value),
            value=change.value,
            since=change.since_s + offset_s,
            began=change.at_s + offset_s,
        )
        return alert

    def end(self, change: Change, offset_s: float) -> Alert | None:
        """Ends an alert; None if there was none."""
        alert = self.active.pop((change.rule.id, change.device), None)
        if alert is not None:
            alert.ended, alert.reason = max(alert.began, change.at_s + offset_s), change.reason
            self._ended[alert.id] = alert
        return alert

    def keep(self, *alerts: Alert) -> None:
        """Writes alerts that changed, and deletes those of the history that are too many."""
        self._kept.put({alert.id: alert for alert in alerts})
        surplus = list(self._ended)[: max(0, len(self._ended) - ENDED_MAX)]
        for alert_id in surplus:
            del self._ended[alert_id]
        self._kept.remove(surplus)
