"""Faults: which rule of the protocol a packet broke, said so that its sender can mend it."""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from typing import Any, NoReturn

import msgspec

from darvaz.protocol.validation_text import Wording

_FIELD_CHARS_MAX = 128
_MESSAGE_CHARS_MAX = 512


class Fault(msgspec.Struct, frozen=True):
    """A peer's mistake as data: a short stable code, a sentence for people, the field at fault."""

    code: str
    message: str
    field: str | None = None


class JsonTrouble(enum.Enum):
    """What a text can have against it before its fields are looked at."""

    MALFORMED = "the text is not valid JSON"
    NOT_OBJECT = "a message is one JSON object"
    TOO_DEEP = "the JSON is nested too deeply"

    @property
    def fault(self) -> Fault:
        return Fault("not_json", self.value)


class _TwiceError(ValueError):
    """A key given twice: found while the standard library parses."""


def find_json_trouble(text: str | bytes, depth_max: int) -> Fault | None:
    """Looks at a text as bare JSON and returns what is wrong with it, if anything."""
    looked = look(text, depth_max)
    return looked if isinstance(looked, Fault) else None


def look(text: str | bytes, depth_max: int) -> dict[str, Any] | Fault:
    """Parses a text slowly and strictly: one object, no key twice, no constant outside JSON."""
    try:
        value = json.loads(text, object_pairs_hook=_pairs_once, parse_constant=_refuse_constant)
    except _TwiceError as error:
        # Half a letter (\ud800) is a key to Python's json, but cannot be sent back.
        key = str(error).encode(errors="replace").decode()
        return Fault("not_json", f"the key {_shortened(key)} is given twice", key[:_FIELD_CHARS_MAX])
    except RecursionError:
        return JsonTrouble.TOO_DEEP.fault
    except (ValueError, UnicodeError):
        return JsonTrouble.MALFORMED.fault
    if not isinstance(value, dict):
        return JsonTrouble.NOT_OBJECT.fault
    return JsonTrouble.TOO_DEEP.fault if _is_deeper(value, depth_max) else value


def explain(value: Mapping[str, Any], problem: str, wording: Wording) -> Fault:
    """Turns msgspec's complaint about a well-formed object into a fault of the protocol."""
    name = value.get("type")
    if name is None:
        return Fault("invalid", "type: missing; every message names its type", "type")
    if not isinstance(name, str):
        return Fault("invalid", "type: expected a string", "type")
    if name not in wording.messages:
        return Fault("unknown_type", f"type: there is no message {_shortened(name)}", "type")
    if problem.endswith("at `$.type`"):
        return Fault("wrong_sender", f"type: only the gateway sends {name}", "type")
    field, rule = wording.explain(name, problem)
    return Fault("invalid", f"{field}: {rule}"[:_MESSAGE_CHARS_MAX], field[:_FIELD_CHARS_MAX])


def _shortened(text: str) -> str:
    return json.dumps(text if len(text) <= 40 else text[:40] + "…", ensure_ascii=True)


def _pairs_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made:
            raise _TwiceError(key)
        made[key] = value
    return made


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _is_deeper(value: Any, depth_max: int) -> bool:
    """Whether arrays and objects nest deeper than `depth_max`, looked at level by level."""
    level = [value]
    for _ in range(depth_max):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return False
    return True


def _children(value: Any) -> list[Any]:
    inner = value.values() if isinstance(value, dict) else value
    return [child for child in inner if isinstance(child, dict | list)]
