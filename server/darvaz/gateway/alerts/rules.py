"""What an alert watches: a rule as people make it, its limits, and its sentence."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

RULES_MAX = 10_000
CHANNELS_PER_RULE_MAX = 8
FOR_S_MAX = 30 * 86_400.0
_NUMBER_MAX = 1e15

When = Literal["below", "above", "is", "silent", "offline", "disk", "event"]
"""What has to happen: a value below or above a number, or the same as one; no value; no link; the gateway's disk with
less free space than this many percent; an event of the gateway, such as a release that fell back."""
COMPARED = frozenset({"below", "above", "is"})
# What the gateway reports about itself, as if it were a device with this id.
GATEWAY, DISK_FREE = "", "disk_free_percent"
DISK_FREE_PERCENT = 5.0
EVENTS = ("release_fell_back", "crash")

Seconds = Annotated[float, Meta(ge=0, le=FOR_S_MAX)]
Time = Annotated[str, Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$", description="A time of day, as 22:00.")]
ChannelName = Annotated[
    str, Meta(min_length=1, max_length=32, pattern="^[A-Za-z0-9_-]+$", description="A way to tell people.")
]
Number = Annotated[float, Meta(ge=-_NUMBER_MAX, le=_NUMBER_MAX)]
Text = Annotated[str, Meta(max_length=256)]


class QuietHours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The hours of every day, in the gateway's time zone, in which nothing is told."""

    begin: Time
    end: Time

    def has(self, minute: int) -> bool:
        """Returns whether a minute of the day, from 0, is within; the hours may contain midnight."""
        begin, end = _minute(self.begin), _minute(self.end)
        return begin <= minute < end if begin <= end else minute >= begin or minute < end


class RuleFields(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A rule as people give it: what to watch, of which boards, and who is told."""

    when: When
    title: Annotated[str, Meta(max_length=64, description="A name for people.")] = ""
    device: Annotated[
        Annotated[str, Meta(min_length=1, max_length=64)] | None,
        Meta(description="Of this board only; else of the group, or of all."),
    ] = None
    group: Annotated[
        Annotated[str, Meta(min_length=1, max_length=64)] | None, Meta(description="Of the boards of this group.")
    ] = None
    value: Annotated[
        Annotated[str, Meta(min_length=1, max_length=64)] | None, Meta(description="The name of the value.")
    ] = None
    threshold: bool | Number | Text | None = None
    hysteresis: Annotated[float, Meta(ge=0, le=_NUMBER_MAX, description="How far the value must come back.")] = 0.0
    for_s: Annotated[Seconds, Meta(description="For how many seconds it must be so.")] = 0.0
    event: Annotated[str | None, Meta(description=f"One of {', '.join(EVENTS)}.")] = None
    channels: Annotated[
        Annotated[list[ChannelName], Meta(max_length=CHANNELS_PER_RULE_MAX)] | None,
        Meta(description="Who is told; null for every channel."),
    ] = None
    quiet: QuietHours | None = None
    escalate_after_s: Annotated[
        Seconds | None, Meta(description="Seconds without an acknowledgement, after which others are told too.")
    ] = None
    escalate_to: Annotated[list[ChannelName], Meta(max_length=CHANNELS_PER_RULE_MAX)] = []
    is_on: bool = True


class AlertRule(RuleFields, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A rule with its id."""

    id: str


def find_fault(rule: RuleFields) -> str | None:
    """Returns what is wrong with a rule that has valid fields, or None."""
    if rule.device is not None and rule.group is not None:
        return "give a device or a group, not both"
    if rule.when == "disk" and (rule.device or rule.group):
        return "'disk' is about the gateway: give no device and no group"
    if rule.when in COMPARED | {"silent"} and not rule.value:
        return f"value: {rule.when!r} needs the name of a value"
    if rule.when in ("below", "above") and not is_number(rule.threshold):
        return f"threshold: {rule.when!r} needs a number"
    if rule.when == "is" and rule.threshold is None:
        return "threshold: 'is' needs a value to compare with"
    if rule.when == "disk" and not (rule.threshold is None or is_number(rule.threshold)):
        return "threshold: 'disk' needs a number, the percent of free space"
    if rule.when in ("silent", "offline") and rule.for_s <= 0:
        return f"for_s: {rule.when!r} needs the seconds after which it counts"
    if rule.when == "event" and rule.event not in EVENTS:
        return f"event: expected one of {', '.join(EVENTS)}"
    if (rule.escalate_after_s is None) != (not rule.escalate_to):
        return "escalate_after_s and escalate_to need each other"
    return None


def is_number(value: object) -> bool:
    """Returns whether a value is a number that can be compared; truth values are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def duration(seconds: float) -> str:
    """Returns a length of time in words: `2 min`, `1 h 30 min`."""
    parts = []
    left = round(seconds)
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def sentence(rule: RuleFields) -> str:
    """Returns a rule in words: `greenhouse: temperature below 5 for 2 min`."""
    of = rule.device or (f"any board of {rule.group}" if rule.group else "any board")
    lasting = f" for {duration(rule.for_s)}" if rule.for_s else ""
    if rule.when == "disk":
        return f"the gateway's disk has less than {shown(disk_threshold(rule))} % free{lasting}"
    if rule.when == "event":
        return f"{of}: {(rule.event or '').replace('_', ' ')}"
    if rule.when == "offline":
        return f"{of}: offline{lasting}"
    if rule.when == "silent":
        return f"{of}: no value of {rule.value}{lasting}"
    return f"{of}: {rule.value} {rule.when} {shown(rule.threshold)}{lasting}"


def disk_threshold(rule: RuleFields) -> float:
    """Returns the percent of free space below which the disk counts as full."""
    return DISK_FREE_PERCENT if rule.threshold is None else float(rule.threshold)


def shown(value: object) -> str:
    """Returns a value as people read it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _minute(text: str) -> int:
    hours, minutes = re.split(":", text)
    return int(hours) * 60 + int(minutes)
