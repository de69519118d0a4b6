"""What is kept of alerts: the rules, the channels, the alerts themselves, and the messages that wait."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from darvaz.gateway.alerts.phrases import Language

RULES_TABLE, CHANNELS_TABLE, ALERTS_TABLE = "alert_rules", "alert_channels", "alerts"
MESSAGES_TABLE, WAITING_TABLE, BROWSERS_TABLE = "alert_messages", "alert_waiting", "push_subscriptions"
TABLES = (RULES_TABLE, CHANNELS_TABLE, ALERTS_TABLE, MESSAGES_TABLE, WAITING_TABLE, BROWSERS_TABLE)
# Alerts that are over; the oldest are deleted.
ENDED_MAX = 2_000
# Alerts at the same time; those beyond are counted, and neither kept nor told.
ACTIVE_MAX = 10_000


class Alert(msgspec.Struct, kw_only=True):
    """A rule that came true for a device. Times are Unix seconds."""

    id: str
    rule: Annotated[str, Meta(description="The id of its rule, which may be gone.")]
    device: Annotated[str | None, Meta(description="Null for the gateway itself.")]
    title: Annotated[str, Meta(description="The name of the rule, or what it watches.")]
    when: str
    what: Annotated[str, Meta(description="What is wrong, in words.")]
    value: Any = None
    since: Annotated[float, Meta(description="When it began to be so.")]
    began: Annotated[float, Meta(description="When the time of the rule was over.")]
    ended: float | None = None
    reason: Annotated[str, Meta(description="Why it ended, if not by itself.")] = ""
    acknowledged: float | None = None
    acknowledged_by: str = ""
    is_announced: Annotated[bool, Meta(description="Whether people were told.")] = False
    is_escalated: bool = False


class Channel(msgspec.Struct, frozen=True):
    """A way to tell people: an address of Apprise, which is a secret."""

    url: str
    shown: str
    """The address without its secrets."""
    language: Language = "en"
    """Of the messages that it is told."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What one channel is to tell."""

    id: str
    channel: str
    unix_s: float
    title: str
    body: str
    language: Language = "en"
    began: list[str] = []
    """The ids of alerts that it tells of, and of those that it says are over."""
    ended: list[str] = []


class Waiting(msgspec.Struct, frozen=True):
    """What was true for less than the time of its rule: rule, device and seconds so far."""

    conditions: list[tuple[str, str, float]]
