"""Words for people: which rule of the schema a field broke, without types of Python or patterns."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

Schema = Mapping[str, Any]

# Parts of msgspec's error texts: where the error is, in a key or in a value, and a field that is missing.
AT_FIELD = re.compile(r" - at (`key` in )?`\$\.?(.*)`$", re.DOTALL)
MISSING = re.compile(r"^Object missing required field `(.*)`$", re.DOTALL)
_LENGTH = re.compile(r" of length ([<>]=) (\d+)$")
_RANGE = re.compile(r" ([<>]=?) (\S+)$")
_FORM = re.compile(r" (of length|matching regex) ")
_QUOTED = re.compile(r"`([a-z| ]+)`")
_STEP = re.compile(r"\[[^\]]*\]|[^.\[\]]+")
_JSON_WORDS = {
    "str": "a string", "int": "an integer", "float": "a number", "bool": "true or false",
    "null": "null", "object": "an object", "array": "an array",
}  # fmt: skip
_AMOUNTS = {"<=": "at most {}", ">=": "{} or more", "<": "less than {}", ">": "more than {}"}
_PARTS = {"str": "characters", "object": "entries", "array": "items"}


class RuleExplainer:
    """Explains what is wrong with a message, by the schema that it broke."""

    def __init__(self, definitions: Schema, messages: Collection[str]) -> None:
        self._definitions = definitions
        self.messages = messages

    def senders_of(self, message: str) -> Collection[str]:
        """Returns which ends send a message: device, gateway or both."""
        senders: list[str] = self._definitions[message]["x-sender"]
        return senders

    def explain(self, message: str, error: str) -> tuple[str, str]:
        """Returns the path of the field at fault and the rule that it broke, from msgspec's error text."""
        at = AT_FIELD.search(error)
        path = at.group(2) if at else ""
        problem = error[: at.start()] if at else error
        missing = MISSING.match(problem)
        if missing:
            return f"{path}.{missing.group(1)}".lstrip("."), "missing"
        rule = self._rule_at(message, path)
        if at and at.group(1):
            return path, f"the name of an entry: {self._explain_rule(self._resolved(rule['propertyNames']), problem)}"
        return path, self._explain_rule(rule, problem)

    def _rule_at(self, message: str, path: str) -> Schema:
        """Follows a path such as `commands[...][...].type` through the schema."""
        rule = self._resolved(self._definitions[message])
        for step in _STEP.findall(path):
            inner = rule.get("properties", {}).get(step) or rule.get("additionalProperties") or rule.get("items")
            rule = self._resolved(inner or {})
        return rule

    def _resolved(self, rule: Schema) -> Schema:
        while "$ref" in rule:
            rule = self._definitions[rule["$ref"].removeprefix("#/$defs/")]
        return rule

    def _explain_rule(self, rule: Schema, problem: str) -> str:
        if "enum" in rule:
            return f"expected one of {', '.join(map(str, rule['enum']))}"
        # Few people read patterns: the schema has the rule in words.
        is_of_form = _FORM.search(problem) is not None
        return str(rule["x-rule"]) if is_of_form and "x-rule" in rule else in_json_words(problem)


def in_json_words(problem: str) -> str:
    """Returns msgspec's error text in the words of JSON instead of Python's."""
    of_length = _LENGTH.search(problem)
    if of_length:
        base = problem[: of_length.start()].removeprefix("Expected ").strip("`")
        return f"expected {_amount(of_length)} {_PARTS[base]}"
    problem = _RANGE.sub(lambda found: f" of {_amount(found)}", problem)
    problem = _QUOTED.sub(_word, problem)
    return problem[0].lower() + problem[1:]


def _amount(found: re.Match[str]) -> str:
    return _AMOUNTS[found.group(1)].format(found.group(2).removesuffix(".0"))


def _word(quoted: re.Match[str]) -> str:
    names = [_JSON_WORDS.get(name.strip(), name.strip()) for name in quoted.group(1).split("|")]
    return " or ".join(dict.fromkeys(names))
