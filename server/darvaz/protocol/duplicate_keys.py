"""Proves without a second parse that an accepted text has no key twice and no deep nesting."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, Final

import msgspec

Schema = Mapping[str, Any]
# Beyond this, an unknown number may have more digits than the strict look takes.
UNKNOWN_CHARS_MAX = 1024

_decode: Final = msgspec.json.Decoder().decode
_UNSET: Final = msgspec.UNSET

Getter = Callable[[msgspec.Struct], tuple[Any, ...]]


class KeyCounter:
    """Counts the keys of one type of message against the colons of its text.

    A JSON text has a colon for each key, and those in its strings. When the decoded message accounts for
    every colon, each key was there once; when it does not (an unknown field, a key given twice, a colon
    in a string that was not counted), the caller must look closer.
    """

    def __init__(self, schema: Schema, definitions: Mapping[str, Schema], depth_max: int) -> None:
        required = set(schema.get("required", ()))
        rules = {name: _resolved(rule, definitions) for name, rule in schema["properties"].items()}
        self._depth_max = depth_max
        sometimes = [name for name in rules if name not in required]
        self._always, self._most = len(required), len(rules)
        self._single: Callable[[msgspec.Struct], Any] | None = attrgetter(*sometimes) if len(sometimes) == 1 else None
        self._many: Getter | None = attrgetter(*sometimes) if len(sometimes) > 1 else None
        self._containers = _getter([name for name, rule in rules.items() if _may_contain(rule)])
        self._texts = _getter([name for name, rule in rules.items() if rule.get("type") == "string"])

        # Without unknown fields, whose keys would be colons too many, such a message is not nested either.
        self.plain_colons = len(required) if self._containers is None else -1

    def proves_sound(self, message: msgspec.Struct, text: str, colons: int) -> bool:
        """Whether the counting shows that nothing is wrong; with `plain_colons` it need not be asked."""
        keys = self._count(message)
        if self._containers is not None:
            if text.count("{") + text.count("[") > self._depth_max:
                return False
            keys += sum(map(_inner_keys, self._containers(message)))
        return colons == keys or colons == keys + self._colons_in_texts(message, text)

    def _count(self, message: msgspec.Struct) -> int:
        """Returns how many keys of its own a message has."""
        if self._single is not None:
            return self._always if self._single(message) is _UNSET else self._most
        return self._always if self._many is None else self._most - self._many(message).count(_UNSET)

    def _colons_in_texts(self, message: msgspec.Struct, text: str) -> int:
        """Returns how many colons stand in strings for all to see; one written as an escape could prove anything."""
        if self._texts is None or "\\u003" in text:
            return 0
        return sum(value.count(":") for value in self._texts(message) if isinstance(value, str))


def shows_each_key_once(text: str, colons: int, depth_max: int) -> bool:
    """Whether a text with fields that no type knows has no key twice and no deep nesting; else look closer.

    What is decoded has every key once, and no colon that the text has not: one key dropped is one colon too many.
    """
    opened = text.count("{") + text.count("[")
    if len(text) > UNKNOWN_CHARS_MAX or opened > depth_max or "\\u003" in text:
        return False
    try:
        value = _decode(text)
    except (msgspec.DecodeError, UnicodeError):
        return False
    return (opened == 1 and colons == len(value)) or colons == _colons_of(value)


def _colons_of(value: Any) -> int:
    """Returns how many colons a text must have that was decoded to this value."""
    if isinstance(value, str):
        return value.count(":")
    if isinstance(value, dict):
        return len(value) + sum(map(_colons_of, value)) + sum(map(_colons_of, value.values()))
    return sum(map(_colons_of, value)) if isinstance(value, list) else 0


def _inner_keys(value: Any) -> int:
    """Returns how many keys there are in a decoded value, at any depth."""
    if isinstance(value, dict):
        return len(value) + sum(map(_inner_keys, value.values()))
    if isinstance(value, list):
        return sum(map(_inner_keys, value))
    if isinstance(value, msgspec.Struct):
        fields = [getattr(value, name) for name in value.__struct_fields__]
        return len(fields) - fields.count(msgspec.UNSET) + sum(map(_inner_keys, fields))
    return 0


def _resolved(rule: Schema, definitions: Mapping[str, Schema]) -> Schema:
    reference = rule.get("$ref")
    return definitions[reference.removeprefix("#/$defs/")] if reference else rule


def _may_contain(rule: Schema) -> bool:
    """Whether a field may hold an object or an array; one without a rule may hold anything."""
    return "const" not in rule and "enum" not in rule and rule.get("type", "object") in ("object", "array")


def _getter(names: list[str]) -> Getter | None:
    if len(names) == 1:
        single = attrgetter(names[0])
        return lambda message: (single(message),)
    return attrgetter(*names) if names else None
