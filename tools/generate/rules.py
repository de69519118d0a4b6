"""Turns the JSON Schema of a field into the compact rule that boards check: (kind, low, high, of)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]
Rule = tuple[Any, ...]

DEFINITION = "#/$defs/"
KEY_DEFINITION = "name"

# The explanation in messages.py of the rules that `RuleMaker` makes.
LEGEND = """\
A rule is (kind, low, high, of):
  "s"  string: low..high characters; of: the definition whose pattern it follows, or None
  "i"  integer: low..high
  "n"  number: low..high; None and None are -1e15..1e15, also for "v"
  "b"  truth value
  "v"  number in low..high, truth value, or string of at most `of` characters
  "e"  one of the strings `of`
  "l"  list of low..high items; of: the rule of an item
  "m"  map of low..high entries whose keys follow NAME; of: the rule of a value
  "o"  object; of: its fields
A field is (name, is_required, kind, low, high, of). Fields that are not listed are ignored."""

_NOTES = {"title", "description", "examples"}
_BOUNDS = {
    "string": ("minLength", "maxLength"),
    "integer": ("minimum", "maximum"),
    "number": ("minimum", "maximum"),
    "array": ("minItems", "maxItems"),
    "object": ("minProperties", "maxProperties"),
}
# The bounds of most numbers, which boards know: as text in each rule they would take flash.
_NUMBER_MAX = 10**15
_KINDS = {"string": "s", "integer": "i", "number": "n", "boolean": "b"}


class Name(str):
    """The name of a constant, which is written without quotation marks."""


class RuleMaker:
    """Makes the rules of one schema; raises `ValueError` for keywords that boards cannot check."""

    def __init__(self, schema: Schema) -> None:
        self._definitions: Schema = schema["$defs"]

    def definition(self, name: str) -> Rule:
        """Returns the rule of the definition `name`, which is not a message."""
        return self._make(self._definitions[name], name)

    def fields(self, rule: Schema) -> tuple[Rule, ...]:
        """Returns the fields of an object or message, its constant type left out."""
        required = rule.get("required", ())
        return tuple(
            # One flat tuple per field: on a board, a second tuple would double the memory.
            (field, field in required, *self._inline(inner))
            for field, inner in rule["properties"].items()
            if "const" not in inner
        )

    def _inline(self, rule: Schema) -> Rule:
        return self.definition(_target(rule)) if "$ref" in rule else self._make(rule, None)

    def _named(self, rule: Schema) -> Rule | Name:
        return Name(_target(rule).upper()) if "$ref" in rule else self._make(rule, None)

    def _make(self, rule: Schema, name: str | None) -> Rule:
        if "enum" in rule:
            return ("e", None, None, tuple(rule["enum"]))
        if "anyOf" in rule:
            return self._scalar(rule)
        if "type" not in rule:
            return ("a", None, None, None)
        make = {"string": self._string, "object": self._object, "array": self._array}.get(rule["type"])
        return make(rule, name) if make else self._plain(rule)

    def _plain(self, rule: Schema) -> Rule:
        _refuse_other_keywords(rule, "minimum", "maximum")
        return (_KINDS[rule["type"]], *_bounds(rule), None)

    def _string(self, rule: Schema, name: str | None) -> Rule:
        _refuse_other_keywords(rule, "minLength", "maxLength", *(["pattern"] if name else []))
        low, high = _bounds(rule)
        return ("s", low or 0, high, name if "pattern" in rule else None)

    def _array(self, rule: Schema, name: str | None) -> Rule:
        _refuse_other_keywords(rule, "minItems", "maxItems", "items")
        low, high = _bounds(rule)
        return ("l", low or 0, high, self._named(rule["items"]))

    def _object(self, rule: Schema, name: str | None) -> Rule:
        if "properties" in rule:
            _refuse_other_keywords(rule, "properties", "required")
            return ("o", None, None, self.fields(rule))
        _refuse_other_keywords(rule, "minProperties", "maxProperties", "propertyNames", "additionalProperties")
        if rule["propertyNames"] != {"$ref": DEFINITION + KEY_DEFINITION}:
            raise ValueError(f"boards support maps by {KEY_DEFINITION} only, not by {rule['propertyNames']}")
        low, high = _bounds(rule)
        return ("m", low or 0, high, self._named(rule["additionalProperties"]))

    def _scalar(self, rule: Schema) -> Rule:
        options = {option["type"]: option for option in map(self._resolve, rule["anyOf"])}
        if set(options) != {"boolean", "number", "string"}:
            raise ValueError(f"boards support one choice of types: boolean, number, string; not {options}")
        return ("v", *_bounds(options["number"]), options["string"]["maxLength"])

    def _resolve(self, rule: Schema) -> Schema:
        if "$ref" not in rule:
            return rule
        resolved: Schema = self._definitions[_target(rule)]
        return resolved


def references_in(rule: Any) -> Iterator[str]:
    """Yields the definitions of the items and values of all lists and maps in `rule`."""
    if isinstance(rule, Mapping):
        for key, inner in rule.items():
            if key in ("items", "additionalProperties") and "$ref" in inner:
                yield _target(inner)
            yield from references_in(inner)


def _target(rule: Schema) -> str:
    name: str = rule["$ref"].removeprefix(DEFINITION)
    return name


def _bounds(rule: Schema) -> tuple[int | float | None, int | float | None]:
    low, high = _BOUNDS.get(rule["type"], ("", ""))
    bounds = _whole(rule.get(low)), _whole(rule.get(high))
    return (None, None) if bounds == (-_NUMBER_MAX, _NUMBER_MAX) else bounds


def _whole(value: int | float | None) -> int | float | None:
    # A float of a board has 32 bits and would round 1e15; integers are exact.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _refuse_other_keywords(rule: Schema, *known: str) -> None:
    for key in rule:
        if key not in known and key not in _NOTES and key != "type" and not key.startswith("x-"):
            raise ValueError(f"protocol.json uses {key!r} in {dict(rule)}, which boards cannot check")
