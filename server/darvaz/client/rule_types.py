"""What the gateway answers about rules, as types for editors and type checkers; at run time plain dictionaries."""

from __future__ import annotations

from typing import Any, TypedDict

from darvaz.client.types import UnixSeconds


class RuleRunInfo(TypedDict):
    """What became of a rule once."""

    time: UnixSeconds
    cause: str
    device: str | None
    is_ok: bool
    detail: str


class RuleInfo(TypedDict):
    """A rule; `sentence` is all of it in words."""

    id: str
    when: str
    title: str
    device: str | None
    group: str | None
    value: str | None
    threshold: bool | float | str | None
    hysteresis: float
    for_s: float
    at: str | None
    days: list[str]
    missed: str
    command: str | None
    args: dict[str, Any]
    to_device: str | None
    to_group: str | None
    message: str | None
    channels: list[str] | None
    is_on: bool
    runs: list[RuleRunInfo]
    sentence: str
    next: UnixSeconds | None


class RuleListInfo(TypedDict):
    """Every rule; whether rules about times of day can be made."""

    rules: list[RuleInfo]
    can_schedule: bool
