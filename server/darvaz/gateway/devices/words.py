"""What people say of a device's commands and values: titles, icons, order, units. Kept at the gateway."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

# Control characters, line ends, invisible characters and marks that change the text direction.
INVISIBLE = r"\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
_TEXT = rf"^[^{INVISIBLE}]*$"
TITLE_CHARS_MAX = 64
OPTIONS_MAX = 32
NAMES_MAX = 128

Title = Annotated[str, Meta(max_length=TITLE_CHARS_MAX, pattern=_TEXT)]
Language = Annotated[str, Meta(pattern="^[a-z]{2,3}$")]
Name = Annotated[str, Meta(pattern="^[A-Za-z_][A-Za-z0-9_]{0,31}$")]


class Words(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is said of one command or one value; what is missing is as the board declared it."""

    title: (
        Annotated[Title | dict[Language, Title], Meta(description="Its name for people; in several languages by code.")]
        | None
    ) = None
    icon: Annotated[str, Meta(max_length=32, pattern="^[a-z_]*$")] | None = None
    order: Annotated[int, Meta(ge=0, le=1_000, description="Its place among the others.")] | None = None
    section: Annotated[Title, Meta(description="The heading that it stands under.")] | None = None
    confirm: Annotated[bool | Title, Meta(description="Whether to ask before the command, or the question.")] | None = (
        None
    )
    unit: Annotated[str, Meta(max_length=16, pattern=_TEXT)] | None = None
    step: Annotated[float, Meta(gt=0)] | None = None
    precision: Annotated[int, Meta(ge=0, le=6, description="Digits after the point.")] | None = None
    state: Annotated[Name, Meta(description="The value of telemetry that shows where a command stands.")] | None = None
    options: (
        Annotated[
            dict[Annotated[str, Meta(max_length=TITLE_CHARS_MAX)], Title],
            Meta(max_length=OPTIONS_MAX, description="Titles of the values."),
        ]
        | None
    ) = None


_Named = Annotated[dict[Name, Words], Meta(max_length=NAMES_MAX)]


class DeviceWords(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is said of the commands and of the values of one device, by their names."""

    commands: _Named = {}
    telemetry: _Named = {}

    def kept(self) -> dict[str, Any]:
        """Returns it as it is kept: names of which nothing is said are left out."""
        plain: dict[str, dict[str, Any]] = msgspec.to_builtins(self)
        named = {part: {name: words for name, words in by_name.items() if words} for part, by_name in plain.items()}
        return {part: by_name for part, by_name in named.items() if by_name}
