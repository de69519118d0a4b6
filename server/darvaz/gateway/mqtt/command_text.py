"""The text of a command that comes by MQTT: an object of arguments, or the one value of a command with one argument."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from darvaz.gateway.devices.entity_kinds import option_text

PAYLOAD_BYTES_MAX = 16_384
_TRUTH_VALUES = {
    "true": True,
    "on": True,
    "1": True,
    "yes": True,
    "false": False,
    "off": False,
    "0": False,
    "no": False,
}


class CommandTextError(ValueError):
    """A text that is not a command; says what is expected."""


def parse_arguments(payload: bytes, rules: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Returns the arguments of a command by its rules; whether they are allowed, the hub checks.

    Raises `CommandTextError`.
    """
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise CommandTextError(f"the message has {len(payload)} bytes; {PAYLOAD_BYTES_MAX} are allowed")
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        raise CommandTextError("the message is not text") from None
    if text.lstrip().startswith("{"):
        return _parse_object(text)
    if not rules or not text.strip():
        # Buttons of other programs send a word.
        return {}
    if len(rules) > 1:
        raise CommandTextError(f"expected an object of {', '.join(rules)}")
    ((name, rule),) = rules.items()
    return {name: _parse_value(text, name, rule)}


def _parse_object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    # A text of brackets only is nested too deeply.
    except (ValueError, RecursionError):
        raise CommandTextError("the message is not JSON") from None
    return dict(found)


def _parse_value(text: str, name: str, rule: Mapping[str, Any]) -> Any:
    if "choices" in rule:
        by_text = {option_text(choice): choice for choice in rule["choices"]}
        return by_text.get(text, text)
    if rule["type"] == "string":
        return text
    if rule["type"] == "boolean":
        value = _TRUTH_VALUES.get(text.strip().lower())
        if value is None:
            raise CommandTextError(f"{name}: expected true or false")
        return value
    try:
        number = float(text)
    except ValueError:
        raise CommandTextError(f"{name}: expected a number") from None
    return int(number) if rule["type"] == "integer" and number.is_integer() else number
