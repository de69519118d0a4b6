"""The requests about people and invitations as data. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NotRequired, TypedDict

from darvaz.client.requests import ApiRequest, path_of
from darvaz.client.types import SignInLinkInfo, UnixSeconds

PersonRole = Literal["viewer", "user", "operator", "owner"]


class GrantInfo(TypedDict):
    """Boards of a group, and the commands that may be sent to them; null for all."""

    group: NotRequired[str | None]
    commands: NotRequired[list[str] | None]


class PersonInfo(TypedDict):
    """A person; times are Unix seconds."""

    id: str
    name: str
    role: str
    grants: list[GrantInfo]
    created: UnixSeconds
    sessions: int
    last_used: UnixSeconds | None
    language: str | None


class PeopleInfo(TypedDict):
    """The answer of `GET /api/people`."""

    people: list[PersonInfo]


class InvitationInfo(TypedDict):
    """An invitation without its secret; times are Unix seconds."""

    id: str
    label: str
    role: str
    grants: list[GrantInfo]
    layout: str | None
    uses_max: int
    uses: int
    expires: UnixSeconds
    state: str


class InvitationListInfo(TypedDict):
    """The answer of `GET /api/invitations`."""

    invitations: list[InvitationInfo]


class IssuedInvitation(SignInLinkInfo):
    """A new invitation with its link."""

    id: str


def people() -> ApiRequest:
    """Everybody, in the order of their names."""
    return ApiRequest("GET", path_of("people"), lambda answer: answer["people"], PeopleInfo)


def add_person(name: str, role: str, grants: Sequence[Mapping[str, Any]] = ()) -> ApiRequest:
    body = {"name": name, "role": role, "grants": list(grants)}
    return ApiRequest("POST", path_of("people"), shape=PersonInfo, body=body)


def change_person(person: str, fields: Mapping[str, Any]) -> ApiRequest:
    """Changes name, role, grants or language; what is missing stays."""
    return ApiRequest("PATCH", path_of("people", person), shape=PersonInfo, body=dict(fields))


def remove_person(person: str) -> ApiRequest:
    return ApiRequest("DELETE", path_of("people", person), shape=None)


def person_link(person: str) -> ApiRequest:
    """A link that signs one browser of a person in, once."""
    return ApiRequest("POST", path_of("people", person, "links"), shape=SignInLinkInfo)


def invitations() -> ApiRequest:
    """The invitations, the newest first."""
    return ApiRequest("GET", path_of("invitations"), lambda answer: answer["invitations"], InvitationListInfo)


def issue_invitation(fields: Mapping[str, Any]) -> ApiRequest:
    """Makes an invitation: `role`, `grants`, `uses`, `days`, `label`, `layout`."""
    return ApiRequest("POST", path_of("invitations"), shape=IssuedInvitation, body=dict(fields))


def revoke_invitation(invitation: str) -> ApiRequest:
    return ApiRequest("DELETE", path_of("invitations", invitation), shape=None)
