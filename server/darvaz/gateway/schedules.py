"""When a schedule is due, by APScheduler: right over both changes of daylight-saving time."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from typing import Any

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_INTERVAL_MIN_S = 1.0
_STEP_S = 0.001


@dataclass(frozen=True, slots=True)
class Schedule:
    """A time of day on some days, or an interval in seconds."""

    hour: int = 0
    minute: int = 0
    days: tuple[str, ...] = ()
    interval_s: float = 0.0

    @classmethod
    def parse(cls, time: str | None, days: str, interval_s: float) -> Schedule:
        """Returns a schedule; raises `ValueError` with what to write instead."""
        if (time is None) is not bool(interval_s):
            raise ValueError('give a time of day, as "07:00", or an interval, as minutes=5')
        if time is None:
            if interval_s < _INTERVAL_MIN_S:
                raise ValueError(f"an interval is {_INTERVAL_MIN_S:g} s at least")
            return cls(interval_s=interval_s)
        found = _TIME.fullmatch(time)
        if found is None:
            raise ValueError(f'{time!r} is not a time of day, such as "07:00"')
        return cls(int(found.group(1)), int(found.group(2)), _days(days))

    def next_s(self, after_s: float, zone: datetime.tzinfo) -> float:
        """Returns when it is due next after a Unix time.

        A time that a day does not have, since the clock is put forward, comes an hour later by the clock; one that a
        day has twice comes the first time only.
        """
        if self.interval_s:
            return after_s + self.interval_s
        # Here, because an interval does not need it.
        from apscheduler.triggers.cron import CronTrigger

        trigger: Any = CronTrigger(hour=self.hour, minute=self.minute, day_of_week=",".join(self.days), timezone=zone)
        while True:
            # Not by adding to a local time: that would forget which of two equal times it is.
            now = datetime.datetime.fromtimestamp(after_s + _STEP_S, zone)
            due: datetime.datetime = trigger.get_next_fire_time(None, now)
            if not due.fold or due.utcoffset() == due.replace(fold=0).utcoffset():
                return due.timestamp()
            after_s = due.timestamp()


def _days(text: str) -> tuple[str, ...]:
    found: list[str] = []
    for part in text.lower().split(","):
        first, _, last = part.strip().partition("-")
        last = last or first
        if first not in DAYS or last not in DAYS:
            raise ValueError(
                f"{part.strip()!r} is not a day or a range of days, such as sat-wed; days: {', '.join(DAYS)}"
            )
        start, count = DAYS.index(first), (DAYS.index(last) - DAYS.index(first)) % 7 + 1
        found += [DAYS[(start + number) % 7] for number in range(count)]
    return tuple(dict.fromkeys(found))
