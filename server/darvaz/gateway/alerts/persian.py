"""How Persian texts are written: digits, the Jalali calendar, and names that keep their own direction."""

from __future__ import annotations

import datetime
import re

_DIGITS = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")
_POINT = re.compile(r"(?<=\d)\.(?=\d)")
_FIRST_STRONG, _POP = "\u2068", "\u2069"
# Days before each month of the Gregorian year.
_BEFORE_MONTH = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)
_CYCLE_YEARS, _CYCLE_DAYS = 33, 12_053
_LEAP_YEARS, _LEAP_DAYS = 4, 1_461
_LONG_MONTHS_DAYS = 186


def digits(text: str) -> str:
    """Returns a text with Persian digits, and the decimal sign between them."""
    return _POINT.sub("٫", text).translate(_DIGITS)


def isolated(name: str) -> str:
    """Returns a name in any script so that it does not mix up the text around it."""
    return f"{_FIRST_STRONG}{name}{_POP}"


def time_text(time: datetime.datetime) -> str:
    """Returns a time of the Jalali calendar with Persian digits: `۱۴۰۵/۰۹/۰۹ ۱۲:۳۰`."""
    year, month, day = jalali(time.date())
    return digits(f"{year:04}/{month:02}/{day:02} {time:%H:%M}")


def jalali(date: datetime.date) -> tuple[int, int, int]:
    """Returns year, month and day of the Jalali calendar, by its cycle of 33 years: right from 1799 to 2256."""
    following = date.year + (date.month > 2)
    days = 355_666 + 365 * date.year + (following + 3) // 4 - (following + 99) // 100 + (following + 399) // 400
    days += date.day + _BEFORE_MONTH[date.month - 1]
    cycles, days = divmod(days, _CYCLE_DAYS)
    leaps, days = divmod(days, _LEAP_DAYS)
    year = -1595 + _CYCLE_YEARS * cycles + _LEAP_YEARS * leaps
    if days > 365:
        year, days = year + (days - 1) // 365, (days - 1) % 365
    if days < _LONG_MONTHS_DAYS:
        return year, 1 + days // 31, 1 + days % 31
    return year, 7 + (days - _LONG_MONTHS_DAYS) // 30, 1 + (days - _LONG_MONTHS_DAYS) % 30
