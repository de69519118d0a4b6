"""Telemetry in which a sensor without a value stands as nan, inf or null: what is left of it without those values.

MicroPython and C write such floats as words that JSON does not have.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

# Strings are matched first, so that a word within one stays as it is.
_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|[+-]?\b(?:nan|inf|infinity)\b', re.IGNORECASE)
_TYPE = '"telemetry"'


def without_no_values(text: str) -> tuple[Mapping[str, Any], list[str]] | None:
    """Returns the fields of a telemetry message and the names that were left out; None if that is not what is wrong.

    A second look at a text that was refused, which is within the largest text.
    """
    if _TYPE not in text:
        return None
    try:
        fields = json.loads(_TOKENS.sub(_null_for_word, text))
    except (ValueError, RecursionError):
        return None
    values = fields.get("values") if isinstance(fields, dict) else None
    if not isinstance(values, dict):
        return None
    # A number that is too large for a float is read as infinite.
    left_out = [name for name, value in values.items() if value is None or value in (float("inf"), float("-inf"))]
    if not left_out:
        return None
    fields["values"] = {name: value for name, value in values.items() if name not in left_out}
    return fields, left_out


def _null_for_word(match: re.Match[str]) -> str:
    found = match.group()
    return found if found.startswith('"') else "null"
