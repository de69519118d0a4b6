"""What is wrong with a body or a query and what would be right, in the words of JSON instead of Python's."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import msgspec

from darvaz.protocol.validation_text import AT_FIELD, MISSING, in_json_words

_UNKNOWN = re.compile(r"^Object contains unknown field `(.*)`$", re.DOTALL)
_NAME_CHARS_MAX = 64

Rule = dict[str, Any]


def describe_error(problem: str, shape: Any) -> str:
    """Returns msgspec's complaint about a value that was to have a shape, as a sentence that names the field."""
    rules = _rules(shape) if isinstance(shape, type) and issubclass(shape, msgspec.Struct) else {}
    place = AT_FIELD.search(problem)
    said, field = (problem[: place.start()], place.group(2)) if place else (problem, "")
    missing, unknown = MISSING.match(said), _UNKNOWN.match(said)
    if missing:
        return f"{missing.group(1)}: missing"
    if unknown:
        return f"unknown name {unknown.group(1)[:_NAME_CHARS_MAX]!r}; known: {', '.join(rules)}"
    where = "a value" if field.startswith("[") else field
    right = _say(rules.get(field, {}), said)
    return f"{where}: {right}" if where else right


def _say(rule: Rule, said: str) -> str:
    enum = _find(rule, "enum")
    if enum is not None:
        return f"expected one of {', '.join(map(str, enum))}"
    # Few people read patterns: where one is broken, the rule stands beside it in words.
    in_words = _find(rule, "x-rule") if "matching regex" in said else None
    return str(in_words) if in_words is not None else in_json_words(said)


def _find(rule: Rule, key: str) -> Any:
    """Returns what a rule, or one of its alternatives, says of a key."""
    return next((found[key] for found in (rule, *rule.get("anyOf", ())) if key in found), None)


@cache
def _rules(shape: type[msgspec.Struct]) -> dict[str, Rule]:
    """Returns the JSON schema of each field, by its name on the wire."""
    _, components = msgspec.json.schema_components([shape])
    return dict(components[shape.__name__]["properties"])
