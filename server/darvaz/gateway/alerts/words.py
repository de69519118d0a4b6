"""The texts of messages to people: what began, what ended, and what several have in common, in their language."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Callable

from darvaz.gateway.alerts.phrases import EN, PHRASES, Language, Phrases
from darvaz.gateway.alerts.records import Alert
from darvaz.gateway.alerts.rules import AlertRule, disk_threshold, duration, shown
from darvaz.gateway.alerts.telling import Notice

# Boards that were lost within this time have a common cause.
TOGETHER_S = 10.0
TOGETHER_MIN = 3
LISTED_MAX = 20
_TITLE_CHARS_MAX = 120


def what_is_wrong(rule: AlertRule, value: object, phrases: Phrases = EN) -> str:
    """Returns what a rule found, in words: `temperature is 3.2, below 5 for 2 min`."""
    lasting = phrases.lasting.format(phrases.digits(_duration(rule.for_s, phrases))) if rule.for_s else ""
    if rule.when == "event":
        event = rule.event or ""
        return phrases.events.get(event, event.replace("_", " "))
    threshold = disk_threshold(rule) if rule.when == "disk" else rule.threshold
    text = {
        "offline": phrases.offline, "silent": phrases.silent, "disk": phrases.disk, "is": phrases.equal,
        "below": phrases.below, "above": phrases.above,
    }[rule.when]  # fmt: skip
    return text.format(
        name=phrases.name(rule.value or ""), value=_shown(value, phrases), threshold=_shown(threshold, phrases),
        lasting=lasting,
    )  # fmt: skip


class Composer:
    """Writes messages in one language; `name_of` returns what people call a device, `rule_of` the rule of an alert."""

    def __init__(
        self, language: Language, name_of: Callable[[str], str], rule_of: Callable[[str], AlertRule | None]
    ) -> None:
        self._phrases = PHRASES[language]
        self._name_of = name_of
        self._rule_of = rule_of

    def compose(self, notice: Notice) -> tuple[str, str]:
        """Returns the title and the body of a message."""
        parts = [
            *self._section(notice.escalated, self._phrases.nobody),
            *self._section(notice.began, ""),
            *self._section(notice.ended, self._phrases.ended),
        ]
        return self._title(notice)[:_TITLE_CHARS_MAX], "\n".join(parts)

    def _title(self, notice: Notice) -> str:
        phrases = self._phrases
        alerts = notice.escalated or notice.began or notice.ended
        is_over = not (notice.escalated or notice.began)
        if len(alerts) == 1:
            return f"{self._name(alerts[0])}: {self._what(alerts[0])}{phrases.over if is_over else ''}"
        count = phrases.digits(str(len(alerts)))
        if {alert.when for alert in alerts} == {"offline"}:
            return (phrases.boards_were_offline if is_over else phrases.boards_offline).format(count)
        titles = {alert.title for alert in alerts}
        title = phrases.alerts_of.format(phrases.name(titles.pop())) if len(titles) == 1 else ""
        return phrases.alerts.format(count) + (phrases.over if is_over else "") + title

    def _section(self, alerts: list[Alert], heading: str) -> list[str]:
        """Returns the lines about alerts, those of the same kind together."""
        if not alerts:
            return []
        phrases = self._phrases
        lines = [heading] if heading else []
        by_what: dict[str, list[Alert]] = defaultdict(list)
        for alert in alerts:
            by_what[self._what(alert) if len(alerts) > 1 else ""].append(alert)
        for what, found in by_what.items():
            names = phrases.comma.join(self._name(alert) for alert in found[:LISTED_MAX])
            if len(found) > LISTED_MAX:
                names += phrases.more.format(phrases.digits(str(len(found) - LISTED_MAX)))
            since = self._clock(min(alert.since for alert in found))
            line = phrases.line.format(names=names, what=what or self._what(found[0]), since=since)
            lines.append(line + self._until(found))
        cause = self._common_cause(alerts)
        return [*lines, cause] if cause and not heading else lines

    def _common_cause(self, alerts: list[Alert]) -> str:
        lost = sorted(alert.since for alert in alerts if alert.when == "offline" and alert.ended is None)
        if len(lost) < TOGETHER_MIN or lost[-1] - lost[0] > TOGETHER_S:
            return ""
        return self._phrases.together.format(self._phrases.digits(str(max(1, round(lost[-1] - lost[0])))))

    def _until(self, alerts: list[Alert]) -> str:
        ended = [alert.ended for alert in alerts if alert.ended is not None]
        return self._phrases.until.format(self._clock(max(ended))) if len(ended) == len(alerts) else ""

    def _what(self, alert: Alert) -> str:
        """Returns what is wrong; in the gateway's own words, which are kept, where its rule is gone."""
        rule = self._rule_of(alert.rule)
        if self._phrases is EN or rule is None:
            return alert.what
        return what_is_wrong(rule, alert.value, self._phrases)

    def _name(self, alert: Alert) -> str:
        return self._phrases.gateway if alert.device is None else self._phrases.name(self._name_of(alert.device))

    def _clock(self, unix_s: float) -> str:
        return self._phrases.time_text(datetime.datetime.fromtimestamp(unix_s).astimezone())


def _duration(seconds: float, phrases: Phrases) -> str:
    text = duration(seconds)
    if phrases is EN:
        return text
    words = text.split()
    parts = zip(words[::2], words[1::2], strict=True)
    return phrases.and_.join(f"{count} {phrases.units[EN.units.index(unit)]}" for count, unit in parts)


def _shown(value: object, phrases: Phrases) -> str:
    """Returns a value as people read it; a text is the board's own."""
    if isinstance(value, bool):
        return phrases.on if value else phrases.off
    return phrases.name(value) if isinstance(value, str) else phrases.digits(shown(value))
