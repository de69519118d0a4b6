"""What becomes of changes: alerts begin and end, are kept and journalled, and people are told. Takes small steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from darvaz.gateway.alerts.book import AlertBook
from darvaz.gateway.alerts.messages import Messages
from darvaz.gateway.alerts.records import Alert
from darvaz.gateway.alerts.states import Change
from darvaz.gateway.alerts.telling import Notice, Teller
from darvaz.gateway.events.bus import EventBus

# The journal's entries of one moment; those beyond are one entry.
JOURNALLED_AT_ONCE_MAX = 500
# Alerts in one step, a third of a millisecond: a network that fails ends the links of thousands of boards at once.
ALERTS_PER_STEP = 25

Record = Callable[[str | None, str, str], None]
"""Journals an entry: device, type and text."""


class AlertChanges:
    """Takes what the engine found. Used from the event loop only; the steps of one call end before the next begins."""

    def __init__(
        self, book: AlertBook, teller: Teller, messages: Messages, record: Record, bus: EventBus,
        unix_s: Callable[[], float],
    ) -> None:  # fmt: skip
        self._book = book
        self._teller = teller
        self._messages = messages
        self._record = record
        self._bus = bus
        self._unix_s = unix_s

    def take(self, changes: Sequence[Change], now_s: float) -> Iterator[None]:
        """Begins and ends alerts, some with each step."""
        offset_s, count = self._unix_s() - now_s, 0
        for start in range(0, len(changes), ALERTS_PER_STEP):
            noted = [self._note(change, offset_s, now_s) for change in changes[start : start + ALERTS_PER_STEP]]
            alerts = [alert for alert in noted if alert is not None]
            self._book.keep(*alerts)
            self._tell_journal(alerts[: max(0, JOURNALLED_AT_ONCE_MAX - count)])
            count += len(alerts)
            yield
        left = count - JOURNALLED_AT_ONCE_MAX
        if left > 0:
            self._record(None, "alert began", f"{left} more alerts began or ended at the same time")
            self._bus.publish_alert(None)

    def tell(self, now_s: float) -> Iterator[None]:
        """Tells people what is due, and keeps that they were told, some with each step."""
        notices = self._teller.tick(now_s)
        by_id = {alert.id: alert for notice in notices for alert in (*notice.began, *notice.escalated)}
        announced = list(by_id.values())
        for start in range(0, len(announced), ALERTS_PER_STEP):
            self._book.keep(*announced[start : start + ALERTS_PER_STEP])
            yield
        yield from self._send(notices)

    def _send(self, notices: list[Notice]) -> Iterator[None]:
        for notice in notices:
            self._messages.tell([notice])
            yield

    def _note(self, change: Change, offset_s: float, now_s: float) -> Alert | None:
        if change.is_active:
            alert = self._book.begin(change, offset_s)
            if alert is not None:
                self._teller.begin(alert, now_s)
        else:
            alert = self._book.end(change, offset_s)
            if alert is not None:
                self._teller.end(alert, now_s)
        return alert

    def _tell_journal(self, alerts: list[Alert]) -> None:
        for alert in alerts:
            type_ = "alert began" if alert.ended is None else "alert ended"
            self._record(alert.device, type_, f"{alert.title}: {alert.what}")
            self._bus.publish_alert(alert.device)
