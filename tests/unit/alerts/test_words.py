"""The texts of messages: in English and in Persian, with its digits, dates and names of boards."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from darvaz.gateway.alerts.persian import jalali
from darvaz.gateway.alerts.phrases import Language
from darvaz.gateway.alerts.records import Alert
from darvaz.gateway.alerts.rules import AlertRule
from darvaz.gateway.alerts.telling import Notice
from darvaz.gateway.alerts.words import Composer, what_is_wrong

# 16 Azar 1405.
SINCE_S = datetime.datetime(2026, 12, 7, 11, 2).astimezone().timestamp()
COLD = AlertRule(id="cold", when="below", value="temperature", threshold=5.5, for_s=120)
AWAY = AlertRule(id="away", when="offline", for_s=5400)
RULES = {rule.id: rule for rule in (COLD, AWAY)}


def alert_of(rule: AlertRule, device: str, **more: Any) -> Alert:
    what = what_is_wrong(rule, more.get("value"))
    fields = {"id": device, "title": "", "since": SINCE_S, "began": SINCE_S, **more}
    return Alert(rule=rule.id, device=device, when=rule.when, what=what, **fields)


def composed(language: Language, **alerts: list[Alert]) -> tuple[str, str]:
    return Composer(language, str, RULES.get).compose(Notice("phone", **alerts))


def test_a_value_is_told_in_english() -> None:
    title, body = composed("en", began=[alert_of(COLD, "greenhouse", value=3.2)])

    assert title == "greenhouse: temperature is 3.2, below 5.5 for 2 min"
    assert body == "greenhouse: temperature is 3.2, below 5.5 for 2 min, since 2026-12-07 11:02"


def test_a_value_is_told_in_persian() -> None:
    title, body = composed("fa", began=[alert_of(COLD, "greenhouse", value=3.2)])

    assert title == "\u2068greenhouse\u2069: \u2068temperature\u2069 ۳٫۲ است، کمتر از ۵٫۵ به مدت ۲ دقیقه"
    assert body == f"{title}، از ۱۴۰۵/۰۹/۱۶ ۱۱:۰۲"


def test_boards_that_were_lost_together_are_one_persian_message() -> None:
    title, body = composed("fa", began=[alert_of(AWAY, f"pi-{number}") for number in range(12)])

    assert title == "۱۲ برد آفلاین‌اند"
    assert "آفلاین است به مدت ۱ ساعت و ۳۰ دقیقه" in body
    assert body.endswith("همه در ۱ ثانیه قطع شدند: نخست نقطهٔ دسترسی، برق یا شبکه را ببینید.")


def test_an_end_is_told_in_persian() -> None:
    title, body = composed("fa", ended=[alert_of(AWAY, "pi", ended=SINCE_S + 60)])

    assert title.endswith("(برطرف شد)")
    assert body.startswith("برطرف شد:\n") and body.endswith("از ۱۴۰۵/۰۹/۱۶ ۱۱:۰۲ تا ۱۴۰۵/۰۹/۱۶ ۱۱:۰۳")


def test_an_alert_whose_rule_is_gone_keeps_its_words() -> None:
    gone = alert_of(AlertRule(id="gone", when="event", event="crash"), "pi")

    assert composed("fa", began=[gone])[0] == "\u2068pi\u2069: crash"


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ((2024, 3, 20), (1403, 1, 1)),
        ((2025, 3, 20), (1403, 12, 30)),
        ((2025, 3, 21), (1404, 1, 1)),
        ((2000, 1, 1), (1378, 10, 11)),
        ((2026, 9, 22), (1405, 6, 31)),
        ((2026, 9, 23), (1405, 7, 1)),
    ],
)
def test_dates_are_those_of_the_jalali_calendar(date: tuple[int, int, int], expected: tuple[int, int, int]) -> None:
    assert jalali(datetime.date(*date)) == expected
