"""What the gateway answers about alerts, as types for editors and type checkers; at run time plain dictionaries."""

from __future__ import annotations

from typing import Any, TypedDict

from darvaz.client.types import UnixSeconds


class AlertInfo(TypedDict):
    """A rule that came true for a device; times are Unix seconds."""

    id: str
    rule: str
    device: str | None
    title: str
    when: str
    what: str
    value: Any
    since: UnixSeconds
    began: UnixSeconds
    ended: UnixSeconds | None
    reason: str
    acknowledged: UnixSeconds | None
    acknowledged_by: str
    is_announced: bool
    is_escalated: bool


class AlertRuleInfo(TypedDict):
    """A rule of alerts; `sentence` is all of it in words."""

    id: str
    title: str
    when: str
    device: str | None
    group: str | None
    value: str | None
    threshold: bool | float | str | None
    hysteresis: float
    for_s: float
    event: str | None
    channels: list[str] | None
    quiet: dict[str, str] | None
    escalate_after_s: float | None
    escalate_to: list[str]
    is_on: bool
    sentence: str


class AlertChannelInfo(TypedDict):
    """A channel by which alerts are told, without its secrets."""

    name: str
    address: str
    waiting: int
    error: str | None


class AlertListInfo(TypedDict):
    """The answer of `GET /api/alerts` and of its history."""

    alerts: list[AlertInfo]


class AlertRuleListInfo(TypedDict):
    """The answer of `GET /api/alert-rules`."""

    rules: list[AlertRuleInfo]


class AlertChannelListInfo(TypedDict):
    """The answer of `GET /api/alert-channels`."""

    channels: list[AlertChannelInfo]
    is_installed: bool


class AlertTestInfo(TypedDict):
    """Whether a message of a test was taken."""

    is_sent: bool
    error: str | None
