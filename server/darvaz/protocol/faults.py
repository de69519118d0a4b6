"""Faults: which rule of the protocol a packet broke, explained so that its sender can correct it."""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from typing import Any, NoReturn

import msgspec

from darvaz.protocol.validation_text import RuleExplainer

_FIELD_CHARS_MAX = 128
_MESSAGE_CHARS_MAX = 512
_QUOTED_CHARS_MAX = 40
_AS_BRACES = bytes.maketrans(b"[]", b"{}")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


class Fault(msgspec.Struct, frozen=True):
    """A peer's mistake as data: a short stable code, a sentence for people, the field at fault."""

    code: str
    message: str
    field: str | None = None


class JsonFault(enum.Enum):
    """What can be wrong with a text before its fields are checked."""

    MALFORMED = "the text is not valid JSON"
    NOT_OBJECT = "a message is one JSON object"
    TOO_DEEP = "the JSON is nested too deeply"

    @property
    def fault(self) -> Fault:
        return Fault("not_json", self.value)


def find_json_fault(text: str, depth_max: int) -> Fault | None:
    """Returns what is wrong with a text as JSON, or None."""
    parsed = parse_strictly(text, depth_max)
    return parsed if isinstance(parsed, Fault) else None


def parse_strictly(text: str, depth_max: int) -> dict[str, Any] | Fault:
    """Parses a text slowly: one object, nested to `depth_max` at most, without NaN and Infinity (RFC 8259, section 6).

    Of a key that is given twice, the last value counts, as for every other reader of the gateway.
    """
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        return JsonFault.TOO_DEEP.fault
    except (ValueError, UnicodeError):
        return JsonFault.MALFORMED.fault
    if not isinstance(value, dict):
        return JsonFault.NOT_OBJECT.fault
    return JsonFault.TOO_DEEP.fault if _is_deeper(value, depth_max) else value


def describe_fault(value: Mapping[str, Any], error: str, explainer: RuleExplainer) -> Fault:
    """Returns the fault of a well-formed object from msgspec's error text."""
    name = value.get("type")
    if name is None:
        return Fault("invalid", "type: missing; every message names its type", "type")
    if not isinstance(name, str):
        return Fault("invalid", "type: expected a string", "type")
    if name not in explainer.messages:
        return Fault("unknown_type", f"type: unknown message {_quoted(name)}", "type")
    if error.endswith("at `$.type`"):
        if "device" in explainer.senders_of(name):
            return Fault("invalid", "type: given twice, with two values", "type")
        return Fault("wrong_sender", f"type: only the gateway sends {name}", "type")
    field, rule = explainer.explain(name, error)
    return Fault("invalid", f"{field}: {rule}"[:_MESSAGE_CHARS_MAX], field[:_FIELD_CHARS_MAX])


def _quoted(text: str) -> str:
    return json.dumps(text if len(text) <= _QUOTED_CHARS_MAX else text[:_QUOTED_CHARS_MAX] + "…", ensure_ascii=True)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def nests_deeper(text: str, depth_max: int) -> bool:
    """Whether arrays and objects of a JSON text, which is valid, nest deeper than `depth_max`.

    A board with many commands would take longer to be parsed a second time than all else of its introduction.
    """
    if "\\" in text:
        # In this order: a backslash that is escaped escapes nothing. What is left has no quotation mark in a string.
        text = text.replace("\\\\", "").replace('\\"', "")
    brackets = "".join(text.split('"')[::2]).encode().translate(_AS_BRACES, _NO_BRACKETS)
    for _ in range(depth_max):
        # Each time, one level from inside goes.
        brackets = brackets.replace(b"{}", b"")
        if not brackets:
            return False
    return True


def _is_deeper(value: Any, depth_max: int) -> bool:
    """Whether arrays and objects nest deeper than `depth_max`, checked level by level."""
    level = [value]
    for _ in range(depth_max):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return False
    return True


def _children(value: Any) -> list[Any]:
    inner = value.values() if isinstance(value, dict) else value
    return [child for child in inner if isinstance(child, dict | list)]
