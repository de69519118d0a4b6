"""Messages in which a sensor without a value stands as nan, inf or null: what is left of them without those values.

MicroPython and C write such floats as words that JSON does not have.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

# Strings are matched first, so that a word within one stays as it is.
_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|[+-]?\b(?:nan|inf|infinity)\b', re.IGNORECASE)
# What boards say while the link is open. An introduction must be whole.
_TYPES = ("telemetry", "ping", "pong", "ack", "log")


def without_no_values(text: str) -> tuple[Mapping[str, Any], list[str]] | None:
    """Returns the fields of a message and the names of those that were left out; None if that is not what is wrong.

    A second look at a text that was refused, which is within the largest text.
    """
    changed = _TOKENS.sub(_null_for_word, text)
    try:
        fields = json.loads(changed)
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict) or fields.get("type") not in _TYPES:
        return None
    left_out = _leave_out(fields, "")
    if isinstance(fields.get("values"), dict):
        left_out += _leave_out(fields["values"], "values.")
    if not left_out and changed != text:
        # Within the result of a command, which may have null anywhere.
        left_out = ["result"]
    return (fields, left_out) if left_out else None


def _leave_out(fields: dict[str, Any], prefix: str) -> list[str]:
    """Removes the fields without a value, and returns their names; too large a number is read as infinite."""
    names = [name for name, value in fields.items() if value is None or value in (float("inf"), float("-inf"))]
    for name in names:
        del fields[name]
    # Half a character, which no encoding has, becomes a question mark.
    return [prefix + name.encode(errors="replace").decode() for name in names]


def _null_for_word(match: re.Match[str]) -> str:
    found = match.group()
    return found if found.startswith('"') else "null"
