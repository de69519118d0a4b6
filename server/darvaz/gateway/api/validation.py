"""Validation errors of a body or a query in terms of JSON, with what is expected, instead of msgspec's own text."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import msgspec

from darvaz.protocol.validation_text import AT_FIELD, MISSING, in_json_words

_UNKNOWN = re.compile(r"^Object contains unknown field `(.*)`$", re.DOTALL)
_NAME_CHARS_MAX = 64

Rule = dict[str, Any]


def describe_error(error: str, type_: Any) -> str:
    """Returns msgspec's text about a value of the wrong type as a sentence that names the field."""
    rules = _rules(type_) if isinstance(type_, type) and issubclass(type_, msgspec.Struct) else {}
    path = AT_FIELD.search(error)
    text, field = (error[: path.start()], path.group(2)) if path else (error, "")
    missing, unknown = MISSING.match(text), _UNKNOWN.match(text)
    if missing:
        return f"{missing.group(1)}: missing"
    if unknown:
        return f"unknown name {unknown.group(1)[:_NAME_CHARS_MAX]!r}; known: {', '.join(rules)}"
    name = "a value" if field.startswith("[") else field
    expected = _expected(rules.get(field, {}), text)
    return f"{name}: {expected}" if name else expected


def _expected(rule: Rule, text: str) -> str:
    enum = _find(rule, "enum")
    if enum is not None:
        return f"expected one of {', '.join(map(str, enum))}"
    # A regular expression is hard to read: `x-rule` states it in words.
    in_words = _find(rule, "x-rule") if "matching regex" in text else None
    return str(in_words) if in_words is not None else in_json_words(text)


def _find(rule: Rule, key: str) -> Any:
    """Returns the value of a key in a rule or in one of its alternatives."""
    return next((found[key] for found in (rule, *rule.get("anyOf", ())) if key in found), None)


@cache
def _rules(type_: type[msgspec.Struct]) -> dict[str, Rule]:
    """Returns the JSON schema of each field, by its name on the wire."""
    _, components = msgspec.json.schema_components([type_])
    return dict(components[type_.__name__]["properties"])
