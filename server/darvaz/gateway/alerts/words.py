"""The texts of messages to people: what began, what ended, and what several have in common."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Callable

from darvaz.gateway.alerts.records import Alert
from darvaz.gateway.alerts.rules import AlertRule, disk_threshold, duration, shown
from darvaz.gateway.alerts.telling import Notice

# Boards that were lost within this time have a common cause.
TOGETHER_S = 10.0
TOGETHER_MIN = 3
LISTED_MAX = 20
_TITLE_CHARS_MAX = 120


def what_is_wrong(rule: AlertRule, value: object) -> str:
    """Returns what a rule found, in words: `temperature is 3.2, below 5 for 2 min`."""
    lasting = f" for {duration(rule.for_s)}" if rule.for_s else ""
    if rule.when == "offline":
        return f"offline{lasting}"
    if rule.when == "silent":
        return f"no value of {rule.value}{lasting}"
    if rule.when == "event":
        return (rule.event or "").replace("_", " ")
    if rule.when == "disk":
        return f"the disk has {shown(value)} % free, less than {shown(disk_threshold(rule))} %"
    if rule.when == "is":
        return f"{rule.value} is {shown(value)}{lasting}"
    return f"{rule.value} is {shown(value)}, {rule.when} {shown(rule.threshold)}{lasting}"


def compose(notice: Notice, name_of: Callable[[str], str]) -> tuple[str, str]:
    """Returns the title and the body of a message."""
    parts = [
        *_section(notice.escalated, name_of, "Nobody has acknowledged"),
        *_section(notice.began, name_of, ""),
        *_section(notice.ended, name_of, "Over"),
    ]
    return _title(notice, name_of)[:_TITLE_CHARS_MAX], "\n".join(parts)


def _title(notice: Notice, name_of: Callable[[str], str]) -> str:
    alerts = notice.escalated or notice.began or notice.ended
    over = "" if notice.escalated or notice.began else " (over)"
    if len(alerts) == 1:
        alert = alerts[0]
        return f"{_name(alert, name_of)}: {alert.what}{over}"
    kinds = {alert.when for alert in alerts}
    if kinds == {"offline"}:
        return f"{len(alerts)} boards were offline{over}" if over else f"{len(alerts)} boards are offline"
    titles = {alert.title for alert in alerts}
    return f"{len(alerts)} alerts{over}" + (f": {titles.pop()}" if len(titles) == 1 else "")


def _section(alerts: list[Alert], name_of: Callable[[str], str], heading: str) -> list[str]:
    """Returns the lines about alerts, those of the same kind together."""
    if not alerts:
        return []
    lines = [f"{heading}:"] if heading else []
    by_what: dict[str, list[Alert]] = defaultdict(list)
    for alert in alerts:
        by_what[alert.what if len(alerts) > 1 else ""].append(alert)
    for what, found in by_what.items():
        names = [_name(alert, name_of) for alert in found[:LISTED_MAX]]
        more = f" and {len(found) - LISTED_MAX} more" if len(found) > LISTED_MAX else ""
        since = _clock(min(alert.since for alert in found))
        lines.append(f"{', '.join(names)}{more}: {what or found[0].what}, since {since}{_until(found)}")
    cause = _common_cause(alerts)
    return [*lines, cause] if cause and not heading else lines


def _common_cause(alerts: list[Alert]) -> str:
    lost = sorted(alert.since for alert in alerts if alert.when == "offline" and alert.ended is None)
    if len(lost) < TOGETHER_MIN or lost[-1] - lost[0] > TOGETHER_S:
        return ""
    together = f"within {max(1, round(lost[-1] - lost[0]))} s"
    return f"All were lost {together}: look at the access point, the power or the network first."


def _until(alerts: list[Alert]) -> str:
    ended = [alert.ended for alert in alerts if alert.ended is not None]
    return f" until {_clock(max(ended))}" if len(ended) == len(alerts) else ""


def _name(alert: Alert, name_of: Callable[[str], str]) -> str:
    return "gateway" if alert.device is None else name_of(alert.device)


def _clock(unix_s: float) -> str:
    return datetime.datetime.fromtimestamp(unix_s).astimezone().strftime("%Y-%m-%d %H:%M")
