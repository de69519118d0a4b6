"""Types that several operations share, with their limits."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from darvaz.gateway.access.people import NAME_CHARS_MAX
from darvaz.gateway.alerts.rules import ChannelName
from darvaz.gateway.devices.words import INVISIBLE
from darvaz.protocol.schema import load_schema

# Checking a name takes longer than finding it again.
_NAMES_KNOWN_MAX = 512
LABEL_CHARS_MAX = GROUP_CHARS_MAX = 64

# In milliseconds, larger times would not fit in the integers of SQLite.
_TIME_MAX_S = 1e11
_DEFINITIONS = load_schema()["$defs"]


def _text(name: str) -> Meta:
    rule = _DEFINITIONS[name]
    return Meta(
        min_length=rule["minLength"],
        max_length=rule["maxLength"],
        pattern=rule["pattern"],
        description=rule["description"],
        extra_json_schema={"x-rule": rule["x-rule"]},
    )


def _arguments() -> Meta:
    """Returns the limits of a command's arguments for the documents; the hub checks them."""
    rule = dict(_DEFINITIONS["command"]["properties"]["args"])
    name, scalar = _DEFINITIONS["name"], _DEFINITIONS["scalar"]
    kinds = [_DEFINITIONS["number"] if "$ref" in kind else kind for kind in scalar["anyOf"]]
    rule["propertyNames"] = {key: name[key] for key in ("minLength", "maxLength", "pattern")}
    return Meta(extra_json_schema=rule | {"additionalProperties": {"anyOf": kinds}})


Identity = Annotated[str, Meta(min_length=1, max_length=64, description="The id in the list.")]
DeviceId = Annotated[str, _text("device_id")]
CommandName = Annotated[str, _text("name")]
Arguments = Annotated[dict[str, Any], _arguments()]
TimeSeconds = Annotated[float, Meta(ge=-_TIME_MAX_S, le=_TIME_MAX_S)]
Label = Annotated[
    str,
    Meta(
        max_length=LABEL_CHARS_MAX,
        pattern=rf"^[^{INVISIBLE}]*$",
        description="A name for people.",
        extra_json_schema={"x-rule": "a label has no line ends and no invisible characters"},
    ),
]

GroupName = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=GROUP_CHARS_MAX,
        pattern=rf"^[^\s,/{INVISIBLE}]([^,/{INVISIBLE}]*[^\s,/{INVISIBLE}])?$",
        description="A group of devices.",
        extra_json_schema={
            "x-rule": "a group has no slash, comma, line end or invisible character, and no blank at an end"
        },
    ),
]

PersonName = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=NAME_CHARS_MAX,
        pattern=rf"^[^\s(){INVISIBLE}]([^(){INVISIBLE}]*[^\s(){INVISIBLE}])?$",
        description="What a person is called, here and in the journal.",
        extra_json_schema={"x-rule": "a name has no brackets, line end or invisible character, and no blank at an end"},
    ),
]

CrashId = Annotated[str, Meta(pattern="^[0-9a-f]{12}$", description="What crashes of one group have in common.")]

FrameTime = Annotated[str, Meta(pattern="^[0-9]{1,16}$", description="When it arrived, in Unix milliseconds.")]

Number = Annotated[str, Meta(pattern="^[0-9]{1,9}$", description="The number in the list.")]

BoardName = Annotated[str, Meta(pattern="^(pico_w|pico_2_w|esp32cam)$", description="A board that MicroPython is for.")]

PATH_TYPES: dict[str, Any] = {
    "device": DeviceId, "name": CommandName, "group": GroupName, "token": Identity, "session": Identity,
    "time_ms": FrameTime, "crash": CrashId, "alert": Identity, "rule": Identity, "layout": Identity,
    "channel": ChannelName, "rollout": Number, "person": Identity, "invitation": Identity, "board": BoardName
}  # fmt: skip
"""The type of each path parameter."""
PATH_WORDS = {
    "device": "device id",
    "name": "name",
    "group": "group",
    "token": "token id",
    "session": "session id",
    "time_ms": "time",
    "crash": "crash id",
    "alert": "alert id",
    "rule": "rule id",
    "layout": "dashboard id",
    "channel": "channel",
    "rollout": "rollout",
    "person": "person id",
    "invitation": "invitation id",
    "board": "board",
}
"""What each path parameter is called in an error."""


@lru_cache(_NAMES_KNOWN_MAX)
def is_name(kind: str, text: str) -> bool:
    """Returns whether a text may be a name of this kind in a path."""
    try:
        msgspec.convert(text, PATH_TYPES[kind])
    except msgspec.ValidationError:
        return False
    return True
