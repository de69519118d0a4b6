"""Describes in words what a JSON Schema rule allows, for the tables of the protocol page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tools.generate.rules import DEFINITION

Schema = Mapping[str, Any]


def describe(rule: Schema) -> str:
    """Returns a rule in words, with links to shared types."""
    if "$ref" in rule:
        return link(rule["$ref"].removeprefix(DEFINITION))
    if "const" in rule:
        return f"`{json.dumps(rule['const'])}`"
    if "enum" in rule:
        return _joined([f"`{choice}`" for choice in rule["enum"]])
    if "anyOf" in rule:
        return _joined([describe(option) for option in rule["anyOf"]])
    return _WORDS[rule["type"]](rule) if "type" in rule else "any JSON value"


def link(name: str) -> str:
    """Returns a link to the section of a shared type."""
    return f"[{name}](#{name})"


def table(headings: list[str], rows: list[list[str]]) -> str:
    """Returns a Markdown table; a bar in a cell is escaped."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _joined(parts: list[str]) -> str:
    *others, last = parts
    return f"{', '.join(others)} or {last}" if others else last


def _range(low: Any, high: Any) -> str:
    return f"{_number(low)} to {_number(high)}"


def _number(value: int | float) -> str:
    return f"{value:g}".replace("e+", "e") if isinstance(value, float) else str(value)


def _string(rule: Schema) -> str:
    low, high = rule.get("minLength", 0), rule["maxLength"]
    length = f"{low} to {high} characters" if low else f"at most {high} characters"
    return f"string, {length}"


def _array(rule: Schema) -> str:
    return f"list of {_range(rule.get('minItems', 0), rule['maxItems'])}: {describe(rule['items'])}"


def _object(rule: Schema) -> str:
    if "properties" in rule:
        return "object"
    key, value = describe(rule["propertyNames"]), describe(rule["additionalProperties"])
    return f"at most {rule['maxProperties']} entries: {key} → {value}"


_WORDS = {
    "string": _string,
    "integer": lambda rule: f"integer, {_range(rule['minimum'], rule['maximum'])}",
    "number": lambda rule: f"number, {_range(rule['minimum'], rule['maximum'])}",
    "boolean": lambda rule: "`true` or `false`",
    "array": _array,
    "object": _object,
}
