"""A rule as people make it, its limits, its sentence, and what became of its runs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from darvaz.gateway.alerts.rules import AlertRule, ChannelName, Number, Seconds, Text, Time, duration, is_number, shown

RULES_TABLE = "rules"
RULES_MAX = 500
RUNS_KEPT_MAX = 20
_ARGS_MAX = 16
_ARGS_CHARS_MAX = 2_048

When = Literal["below", "above", "is", "offline", "online", "time"]
"""What has to happen: a value below or above a number, or the same as one; a link that ends, or begins, a time."""
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
COMPARED = frozenset({"below", "above", "is"})
Name = Annotated[str, Meta(min_length=1, max_length=64)]


class ActionRuleFields(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A rule as people give it: when, of which boards, and what is done then."""

    when: When
    title: Annotated[str, Meta(max_length=64, description="A name for people.")] = ""
    device: Annotated[Name | None, Meta(description="Of this board only; else of the group, or of all.")] = None
    group: Annotated[Name | None, Meta(description="Of the boards of this group.")] = None
    value: Annotated[Name | None, Meta(description="The name of the value.")] = None
    threshold: bool | Number | Text | None = None
    hysteresis: Annotated[float, Meta(ge=0, le=1e15, description="How far the value must come back.")] = 0.0
    for_s: Annotated[Seconds, Meta(description="For how many seconds it must be so.")] = 0.0
    at: Annotated[Time | None, Meta(description="A time of day in the gateway's time zone.")] = None
    days: Annotated[list[Day], Meta(min_length=1, max_length=7, description="The days of that time.")] = msgspec.field(
        default_factory=lambda: list(DAYS)
    )
    missed: Annotated[
        Literal["skip", "run"], Meta(description="What becomes of a time at which the gateway did not run.")
    ] = "skip"
    command: Annotated[Name | None, Meta(description="The command that is sent.")] = None
    args: Annotated[dict[str, Any], Meta(max_length=_ARGS_MAX)] = {}
    to_device: Annotated[Name | None, Meta(description="The board of the command; else the group.")] = None
    to_group: Annotated[Name | None, Meta(description="The boards of the command.")] = None
    message: Annotated[
        Annotated[str, Meta(min_length=1, max_length=256)] | None, Meta(description="What people are told instead.")
    ] = None
    channels: Annotated[
        Annotated[list[ChannelName], Meta(max_length=8)] | None,
        Meta(description="Who is told; null for every channel."),
    ] = None
    is_on: bool = True


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a rule once."""

    time: Annotated[float, Meta(description="Unix seconds.")]
    cause: Literal["condition", "time", "by_hand", "missed"]
    device: Annotated[str | None, Meta(description="The board that the condition came true for.")] = None
    is_ok: bool
    detail: str = ""


class Rule(ActionRuleFields, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A rule with its id and its last runs, the newest first."""

    id: str
    runs: list[Run] = []


def find_fault(rule: ActionRuleFields) -> str | None:
    """Returns what is wrong with a rule that has valid fields, or None."""
    if rule.device is not None and rule.group is not None:
        return "give a device or a group, not both"
    if rule.when in COMPARED and not rule.value:
        return f"value: {rule.when!r} needs the name of a value"
    if rule.when in ("below", "above") and not is_number(rule.threshold):
        return f"threshold: {rule.when!r} needs a number"
    if rule.when == "is" and rule.threshold is None:
        return "threshold: 'is' needs a value to compare with"
    if rule.when == "time" and rule.at is None:
        return "at: 'time' needs a time of day, as \"07:00\""
    if (rule.command is None) == (rule.message is None):
        return "give a command or a message: one of them"
    if rule.command is not None and (rule.to_device is None) == (rule.to_group is None):
        return "to_device, to_group: a command needs one of them"
    if len(msgspec.json.encode(rule.args)) > _ARGS_CHARS_MAX:
        return f"args: more than {_ARGS_CHARS_MAX} bytes"
    return None


def condition_of(rule: Rule) -> AlertRule | None:
    """Returns what the engine of alerts watches for this rule, or None if it has nothing to watch."""
    if not rule.is_on or rule.when not in (*COMPARED, "offline"):
        return None
    return AlertRule(
        id=rule.id, when=rule.when, device=rule.device, group=rule.group,  # type: ignore[arg-type]
        value=rule.value, threshold=rule.threshold, hysteresis=rule.hysteresis, for_s=rule.for_s,
    )  # fmt: skip


def sentence(rule: ActionRuleFields) -> str:
    """Returns a rule in words: `greenhouse: temperature below 5 for 2 min → heater: on {"level":3}`."""
    return f"{_when(rule)} → {_then(rule)}"


def _when(rule: ActionRuleFields) -> str:
    if rule.when == "time":
        return f"{rule.at} on {', '.join(rule.days) if len(rule.days) < len(DAYS) else 'every day'}"
    of = rule.device or (f"any board of {rule.group}" if rule.group else "any board")
    lasting = f" for {duration(rule.for_s)}" if rule.for_s else ""
    what = f"{rule.value} {rule.when} {shown(rule.threshold)}" if rule.when in COMPARED else rule.when
    return f"{of}: {what}{lasting}"


def _then(rule: ActionRuleFields) -> str:
    if rule.message is not None:
        return f"tell {rule.message!r}"
    args = f" {msgspec.json.encode(rule.args).decode()}" if rule.args else ""
    return f"{rule.to_device or f'all boards of {rule.to_group}'}: {rule.command}{args}"
