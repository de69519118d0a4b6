"""Roles of people, and the limits within which some of them see and use boards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

Role = Literal["viewer", "user", "operator", "owner", "assistant"]
PersonRole = Literal["viewer", "user", "operator", "owner"]

# From the least to the most; an assistant is a program, and is let in by an operator.
PERSON_ROLES: tuple[PersonRole, ...] = get_args(PersonRole)
GRANTS_MAX = 16
COMMANDS_MAX = 32
_TEXT_CHARS_MAX = 64

Text = Annotated[str, Meta(min_length=1, max_length=_TEXT_CHARS_MAX)]


class Grant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Boards that somebody may see, and the commands of theirs that a user may send."""

    group: Annotated[Text | None, Meta(description="The boards of this group; null for all boards.")] = None
    commands: Annotated[
        Annotated[tuple[Text, ...], Meta(max_length=COMMANDS_MAX)] | None,
        Meta(description="Only these commands; null for all that the boards declare."),
    ] = None


@dataclass(frozen=True, slots=True)
class CallerLimits:
    """What a caller may see and use: the boards of grants, or what one dashboard shows."""

    grants: tuple[Grant, ...] = ()
    layout: str | None = None
    may_command: bool = False


def limits_of(role: Role, grants: Sequence[Grant], layout: str | None = None) -> CallerLimits | None:
    """Returns the limits of a role: a user always has some, a viewer only with grants or a dashboard."""
    if layout is None and (role in ("operator", "owner", "assistant") or (role == "viewer" and not grants)):
        return None
    return CallerLimits(tuple(grants), layout, role != "viewer")


def is_at_least(role: Role, other: Role) -> bool:
    """Whether a person of one role may let somebody in with another."""
    least: PersonRole = "operator" if other == "assistant" else other
    return role != "assistant" and PERSON_ROLES.index(role) >= PERSON_ROLES.index(least)


def dump_grants(grants: Sequence[Grant]) -> str:
    """Returns grants as they are stored."""
    return msgspec.json.encode(grants).decode()


def load_grants(text: str) -> tuple[Grant, ...]:
    """Returns stored grants; none for what a later version wrote otherwise."""
    try:
        return msgspec.json.decode(text, type=tuple[Grant, ...])
    except msgspec.MsgspecError:
        return ()


def role_of(text: Any) -> PersonRole:
    """Returns a stored role; the least for one of a later version."""
    return text if text in PERSON_ROLES else "viewer"
