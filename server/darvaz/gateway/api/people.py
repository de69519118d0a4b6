"""People over HTTP: who there is, what they may do, and the links that sign them in."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.responses import Response

from darvaz.gateway.access import Grant, Need
from darvaz.gateway.access.people import NameTakenError, Person, PersonLanguage, TooManyPeopleError
from darvaz.gateway.access.roles import GRANTS_MAX, PersonRole
from darvaz.gateway.access.sign_in_links import LINK_MINUTES_MAX
from darvaz.gateway.api.lists import list_in_slices
from darvaz.gateway.api.operations import Call, Operation
from darvaz.gateway.api.sessions import SignInLinkAnswer, link_answer, set_language
from darvaz.gateway.api.types import PersonName
from darvaz.gateway.http.problems import problem

TAG = "People"

Grants = Annotated[list[Grant], Meta(max_length=GRANTS_MAX)]


class PersonRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A new person."""

    name: PersonName
    role: PersonRole
    grants: Grants = []


class PersonChange(msgspec.Struct, forbid_unknown_fields=True):
    """Another name, role or grants; what is missing stays."""

    name: PersonName | UnsetType = UNSET
    role: PersonRole | UnsetType = UNSET
    grants: Grants | UnsetType = UNSET
    language: Annotated[
        PersonLanguage | UnsetType | None, Meta(description="Of pages and messages; null is that of their browser.")
    ] = UNSET


class PersonAnswer(msgspec.Struct):
    """A person, and from where they have signed in."""

    id: str
    name: str
    role: PersonRole
    grants: tuple[Grant, ...]
    created: Annotated[float, Meta(description="Unix seconds.")]
    invitation: Annotated[str | None, Meta(description="The invitation that they came with.")]
    sessions: Annotated[int, Meta(description="How many of their browsers are signed in.")]
    last_used: Annotated[float | None, Meta(description="When one of these was used last, in Unix seconds.")]
    is_you: bool
    language: Annotated[PersonLanguage | None, Meta(description="Null until they chose one.")]


class PeopleList(msgspec.Struct):
    """Everybody, in the order of their names."""

    people: list[PersonAnswer]


async def list_people(call: Call) -> Response:
    """Lists the people, with their roles."""
    used: dict[str | None, list[float]] = {}
    for session in call.parts.operators.sessions.list():
        used.setdefault(session.person, []).append(session.last_used_s)
    answers = (_answer(call, person, used.get(person.person_id, [])) for person in call.parts.operators.people.each())
    return await list_in_slices(call, "people", answers)


def add_person(call: Call) -> PersonAnswer | Response:
    """Adds a person, who signs in with a link of theirs."""
    request: PersonRequest = call.body
    refused = refuse_grants(request.role, request.grants)
    if refused is not None:
        return refused
    try:
        person = call.parts.operators.people.add(request.name, request.role, request.grants)
    except (NameTakenError, TooManyPeopleError) as error:
        return _conflict(error)
    call.record("person added", f"{person.name}: {_what(person)}")
    return _answer(call, person, [])


def change_person(call: Call) -> PersonAnswer | Response:
    """Changes the name, the role, the grants or the language of a person; it counts from their next request on."""
    people, change = call.parts.operators.people, call.body
    known = people.find(str(call.scope["path_params"]["person"]))
    if known is None:
        return _unknown()
    name = known.name if change.name is UNSET else change.name
    role = known.role if change.role is UNSET else change.role
    grants = known.grants if change.grants is UNSET else tuple(change.grants)
    refused = refuse_grants(role, grants) or _refuse_self(call, known.person_id if role != known.role else "")
    if refused is not None:
        return refused
    try:
        people.change(known.person_id, name, role, grants)
    except NameTakenError as error:
        return _conflict(error)
    if change.language is not UNSET:
        set_language(call, known.person_id, change.language)
    call.parts.end_streams()
    person = people.find(known.person_id)
    assert person is not None
    call.record("person changed", f"{known.name}: {person.name}, {_what(person)}")
    return _answer(call, person, [])


def remove_person(call: Call) -> Response | None:
    """Removes a person: ends their browser sessions, links, tokens and streams, and those that they made."""
    people, person_id = call.parts.operators.people, str(call.scope["path_params"]["person"])
    known = people.find(person_id)
    if known is None:
        return _unknown()
    refused = _refuse_self(call, person_id)
    if refused is not None:
        return refused
    people.remove(person_id)
    call.parts.end_streams()
    call.record("person removed", known.name)
    return None


class PersonLinkRequest(msgspec.Struct, forbid_unknown_fields=True):
    """How long a link waits to be used."""

    minutes: Annotated[float, Meta(gt=0, le=LINK_MINUTES_MAX)] = LINK_MINUTES_MAX


def issue_person_link(call: Call) -> SignInLinkAnswer | Response:
    """Makes a link that signs one browser of a person in, once."""
    operators, minutes = call.parts.operators, call.body.minutes
    person = operators.people.find(str(call.scope["path_params"]["person"]))
    if person is None:
        return _unknown()
    made = operators.links.issue(person.role, minutes, person=person.person_id)
    call.record("sign-in link issued", f"link {made.identity} of {person.name} for {minutes:g} minutes")
    return link_answer(call, made, person.role, minutes, person.language)


OPERATIONS = [
    Operation(method="GET", path="/api/people", tag=TAG, handle=list_people, need=Need.OWN, answer=PeopleList),
    Operation(
        method="POST", path="/api/people", tag=TAG, handle=add_person, need=Need.GOVERN, is_stored=True,
        body=PersonRequest, answer=PersonAnswer, status=201, errors=(409,),
    ),
    Operation(
        method="PATCH", path="/api/people/{person}", tag=TAG, handle=change_person, need=Need.GOVERN,
        is_stored=True, body=PersonChange, answer=PersonAnswer, errors=(409,),
    ),
    Operation(
        method="DELETE", path="/api/people/{person}", tag=TAG, handle=remove_person, need=Need.GOVERN,
        is_stored=True, status=204, errors=(409,),
    ),
    Operation(
        method="POST", path="/api/people/{person}/links", tag=TAG, handle=issue_person_link, need=Need.GOVERN,
        is_stored=True, body=PersonLinkRequest, is_body_optional=True, answer=SignInLinkAnswer, status=201,
    ),
]  # fmt: skip


def refuse_grants(role: PersonRole, grants: tuple[Grant, ...] | list[Grant]) -> Response | None:
    """Returns the problem of grants that do not fit a role, or None."""
    if role == "user" and not grants:
        return problem(422, "invalid", "grants: a user needs at least one; {} allows all boards and their commands")
    if role in ("operator", "owner") and grants:
        return problem(422, "invalid", f"grants: an {role} may use everything; leave them out")
    return None


def _refuse_self(call: Call, person_id: str) -> Response | None:
    """Returns the problem of an owner who would lock themselves out."""
    if person_id and person_id == call.admitted.person:
        return problem(409, "yourself", "nobody takes the own role away: another owner can")
    return None


def _conflict(error: Exception) -> Response:
    return problem(409, "name_taken" if isinstance(error, NameTakenError) else "too_many", str(error))


def _unknown() -> Response:
    return problem(404, "unknown_person", "no person has this id; see GET /api/people")


def _what(person: Person) -> str:
    """Returns what a person may, for the journal."""
    limits = [
        f"{grant.group or 'all boards'}" + ("" if grant.commands is None else f" ({', '.join(grant.commands)})")
        for grant in person.grants
    ]
    return ", ".join([person.role, *limits])


def _answer(call: Call, person: Person, used_s: list[float]) -> PersonAnswer:
    return PersonAnswer(
        id=person.person_id,
        name=person.name,
        role=person.role,
        grants=person.grants,
        created=person.created_s,
        invitation=person.invitation,
        sessions=len(used_s),
        last_used=max(used_s, default=None),
        is_you=person.person_id == call.admitted.person,
        language=person.language,
    )
