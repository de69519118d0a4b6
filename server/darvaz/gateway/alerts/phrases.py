"""The sentences of messages to people, in English and in Persian."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from darvaz.gateway.alerts import persian

Language = Literal["en", "fa"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrases:
    """One language; {} and names in brackets are where something goes."""

    units: tuple[str, str, str, str]
    """Days, hours, minutes and seconds."""
    and_: str
    """Between the parts of a length of time."""
    lasting: str
    on: str
    off: str
    offline: str
    silent: str
    events: dict[str, str]
    disk: str
    equal: str
    below: str
    above: str
    over: str
    boards_offline: str
    boards_were_offline: str
    alerts: str
    alerts_of: str
    nobody: str
    ended: str
    comma: str
    more: str
    line: str
    until: str
    together: str
    gateway: str
    messages: str
    """Several that waited, as one."""
    left_out: str
    test_title: str
    test_text: str
    digits: Callable[[str], str]
    name: Callable[[str], str]
    time_text: Callable[[datetime.datetime], str]


EN = Phrases(
    units=("d", "h", "min", "s"),
    and_=" ",
    lasting=" for {}",
    on="on",
    off="off",
    offline="offline{lasting}",
    silent="no value of {name}{lasting}",
    events={},
    disk="the disk has {value} % free, less than {threshold} %",
    equal="{name} is {value}{lasting}",
    below="{name} is {value}, below {threshold}{lasting}",
    above="{name} is {value}, above {threshold}{lasting}",
    over=" (over)",
    boards_offline="{} boards are offline",
    boards_were_offline="{} boards were offline (over)",
    alerts="{} alerts",
    alerts_of=": {}",
    nobody="Nobody has acknowledged:",
    ended="Over:",
    comma=", ",
    more=" and {} more",
    line="{names}: {what}, since {since}",
    until=" until {}",
    together="All were lost within {} s: look at the access point, the power or the network first.",
    gateway="gateway",
    messages="{} messages of the gateway",
    left_out="({} older messages are left out)",
    test_title="Test of the alerts",
    test_text="This is a test of the gateway's alerts. Nothing is wrong.",
    digits=str,
    name=str,
    time_text=lambda time: time.strftime("%Y-%m-%d %H:%M"),
)
FA = Phrases(
    units=("روز", "ساعت", "دقیقه", "ثانیه"),
    and_=" و ",
    lasting=" به مدت {}",
    on="روشن",
    off="خاموش",
    offline="آفلاین است{lasting}",
    silent="مقداری از {name} نیامده است{lasting}",
    events={
        "release_fell_back": "نسخهٔ تازهٔ برنامه کار نکرد و نسخهٔ پیشین اجرا می‌شود",
        "crash": "برنامه از کار افتاد",
    },
    disk="دیسک {value}٪ جای خالی دارد، کمتر از {threshold}٪",
    equal="{name} برابر {value} است{lasting}",
    below="{name} {value} است، کمتر از {threshold}{lasting}",
    above="{name} {value} است، بیشتر از {threshold}{lasting}",
    over=" (برطرف شد)",
    boards_offline="{} برد آفلاین‌اند",
    boards_were_offline="{} برد آفلاین بودند (برطرف شد)",
    alerts="{} هشدار",
    alerts_of=": {}",
    nobody="هنوز کسی رسیدگی نکرده است:",
    ended="برطرف شد:",
    comma="، ",
    more=" و {} مورد دیگر",
    line="{names}: {what}، از {since}",
    until=" تا {}",
    together="همه در {} ثانیه قطع شدند: نخست نقطهٔ دسترسی، برق یا شبکه را ببینید.",
    gateway="دروازه",
    messages="{} پیام از دروازه",
    left_out="({} پیام قدیمی‌تر نیامده است)",
    test_title="آزمایش هشدارها",
    test_text="این آزمایش هشدارهای دروازه است. چیزی خراب نیست.",
    digits=persian.digits,
    name=persian.isolated,
    time_text=persian.time_text,
)
PHRASES: dict[Language, Phrases] = {"en": EN, "fa": FA}
