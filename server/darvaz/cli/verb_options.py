"""Options that many verbs have: --json, and times as ages or dates."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import Any

import click

_AGE = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(s|m|h|d)")
_UNIT_S = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}


def json_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command the option to print its result as JSON."""
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")(function)


def parse_age(context: click.Context, option: click.Parameter, value: str | None) -> float | None:
    """Returns an age as negative seconds, an ISO time as Unix seconds; the gateway counts ages by its own clock."""
    if value is None:
        return None
    age = _AGE.fullmatch(value)
    try:
        if age is not None:
            return -float(age.group(1)) * _UNIT_S[age.group(2)]
        return datetime.datetime.fromisoformat(value).timestamp()
    except (ValueError, OverflowError, OSError):
        raise click.BadParameter(f"{value!r}: expected an age such as 10m, 2h, 7d, or an ISO time") from None
