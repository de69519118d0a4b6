"""The rule of the names in maps, proven once for each name: boards repeat theirs in every message.

A pattern costs 0.4 µs for each name, two thirds of the time in which a report is decoded; the rule of their length a
third of the rest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

# Names that are known to keep the rule; more are proven each time.
NAMES_KEPT_MAX = 4_096


class NameRules:
    """Tells whether the names in the maps of a message keep the rule `name` of a schema document."""

    def __init__(self, document: Mapping[str, Any], types: Mapping[str, type[msgspec.Struct]]) -> None:
        definitions = document["$defs"]
        rule = definitions["name"]
        self._pattern = re.compile(re.sub(r"\$$", r"\\Z", rule["pattern"]))
        self._chars_min, self._chars_max = int(rule["minLength"]), int(rule["maxLength"])
        self._known: set[str] = set()
        # Type of a message → its fields that are maps, and whether their values are maps too.
        self.maps: dict[type, list[tuple[str, bool]]] = {}
        for name, type_ in types.items():
            found = [
                (field, _is_map(_resolved(rule["additionalProperties"], definitions)))
                for field, rule in definitions[name]["properties"].items()
                if _is_map(rule)
            ]
            if found:
                self.maps[type_] = found

    def are_kept(self, message: msgspec.Struct) -> bool:
        """Returns whether all names of a message of one of the types in `maps` keep the rule."""
        for field, is_nested in self.maps[type(message)]:
            found = getattr(message, field)
            if found is msgspec.UNSET:
                continue
            names: dict[str, Any] = found
            if not self.prove(names):
                return False
            if is_nested:
                for inner in names.values():
                    if inner and not self.prove(inner):
                        return False
        return True

    def prove(self, names: dict[str, Any]) -> bool:
        """Returns whether the names in one map keep the rule."""
        known = self._known
        for name in names:
            if name in known:
                continue
            if not self._chars_min <= len(name) <= self._chars_max or self._pattern.search(name) is None:
                return False
            if len(known) < NAMES_KEPT_MAX:
                known.add(name)
        return True


def _is_map(rule: Mapping[str, Any]) -> bool:
    return "propertyNames" in rule


def _resolved(rule: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = definitions[rule["$ref"].removeprefix("#/$defs/")] if "$ref" in rule else rule
    return found
