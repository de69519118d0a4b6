"""Which kind of entity each value and command of a board is in Home Assistant, however it is told of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from darvaz.gateway.devices.names import human_name

ValueKind = Literal["sensor", "binary_sensor", "text_sensor"]
CommandKind = Literal["button", "switch", "number", "select", "action"]
# The command that restarts a board, and those that have no entity of their own.
REBOOT = "reboot"
HIDDEN_COMMANDS = frozenset({"stream", "snapshot", "info"})

# Of one board, commands and values and all; the rest is left out.
ENTITIES_MAX = 200
# Device classes of Home Assistant's binary sensors that its sensors do not have: such a value is never a number.
BINARY_CLASSES = frozenset({
    "battery_charging", "cold", "connectivity", "door", "garage_door", "heat", "light", "lock", "motion", "moving",
    "occupancy", "opening", "plug", "presence", "problem", "running", "safety", "smoke", "sound", "tamper",
    "vibration", "window",
})  # fmt: skip
# Counters: they only grow, until they start again.
_TOTAL_CLASSES = frozenset({"energy", "gas", "water"})
# Of a number that is not whole.
_DECIMALS, _DECIMALS_BY_CLASS = 2, {"temperature": 1, "humidity": 1, "moisture": 1, "pressure": 1}


def value_kind(declared: Mapping[str, Any], value: Any) -> ValueKind | None:
    """Returns what a value of telemetry is, by its declaration and its newest reading; None if that is not known yet.

    A value without unit, class and reading may become anything.
    """
    device_class = declared.get("device_class")
    if isinstance(value, bool) or (value is None and device_class in BINARY_CLASSES):
        return "binary_sensor"
    if isinstance(value, str):
        return "text_sensor"
    return "sensor" if value is not None or declared.get("unit") or device_class else None


def command_kind(arguments: Mapping[str, Mapping[str, Any]]) -> CommandKind:
    """Returns what a command is, by the rules of its arguments."""
    if not arguments:
        return "button"
    rule = next(iter(arguments.values()))
    if len(arguments) > 1:
        return "action"
    if "choices" in rule:
        return "select"
    if rule["type"] == "boolean":
        return "switch"
    is_bounded = rule["type"] in ("number", "integer") and "min" in rule and "max" in rule
    return "number" if is_bounded else "action"


def grows_only(device_class: str) -> bool:
    """Returns whether values of a class only grow, until they start again."""
    return device_class in _TOTAL_CLASSES


def decimals_of(device_class: str, value: Any) -> int:
    """Returns how many digits behind the point people want to see of a number."""
    return 0 if isinstance(value, int) else _DECIMALS_BY_CLASS.get(device_class, _DECIMALS)


def step_of(rule: Mapping[str, Any]) -> float:
    """Returns the step of a bounded number."""
    whole = 1 if rule["type"] == "integer" else (rule["max"] - rule["min"]) / 100 or 1
    return float(rule.get("step") or whole)


def option_text(choice: object) -> str:
    """Returns a choice as people see it."""
    return ("yes" if choice else "no") if isinstance(choice, bool) else str(choice)


def title_of(name: str, declared: Mapping[str, Any]) -> str:
    """Returns what people see of a name: the title that the board gives it, or the name in words."""
    title = declared.get("title")
    return title if isinstance(title, str) and title else human_name(name)
