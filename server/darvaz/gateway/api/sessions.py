"""Browser sessions: signing in and out, the list of sessions, and sign-in links."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.responses import Response

from darvaz.gateway.access import BrowserSession, Grant, Need, Refused, Role, SignedIn
from darvaz.gateway.access.credentials import CREDENTIAL_CHARS_MAX, Credential
from darvaz.gateway.access.decisions import NAME_NEEDED, OWNERS_ONLY
from darvaz.gateway.access.people import PersonLanguage
from darvaz.gateway.access.roles import PersonRole, is_at_least
from darvaz.gateway.access.sign_in_links import LINK_MINUTES, LINK_MINUTES_MAX
from darvaz.gateway.api.operations import Call, Operation, respond
from darvaz.gateway.api.types import PersonName
from darvaz.gateway.http.authorization import refuse
from darvaz.gateway.http.forwarded import base_path_of
from darvaz.gateway.http.problems import problem
from darvaz.gateway.sign_in_hint import SIGN_IN_PATH, address_of

_TAG = "Sign-in"
LinkRole = Literal["viewer", "operator", "owner"]
By = Literal["session", "token", "localhost", "home_assistant"]


class SignInRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The secret that signs a browser in."""

    token: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=CREDENTIAL_CHARS_MAX,
            description="What follows # in a sign-in link or an invitation, or a token of a person.",
        ),
    ]
    name: Annotated[PersonName | UnsetType, Meta(description="Of the new person, where an invitation makes one.")] = (
        UNSET
    )

    language: Annotated[
        PersonLanguage | UnsetType, Meta(description="Of the page; kept for a person who has chosen none.")
    ] = UNSET


class SessionChange(msgspec.Struct, forbid_unknown_fields=True):
    """What a person chooses for themselves."""

    language: Annotated[PersonLanguage | None, Meta(description="Null is that of each browser.")]


class LimitsAnswer(msgspec.Struct):
    """The boards and commands that a caller may see and use."""

    grants: tuple[Grant, ...]
    layout: Annotated[str | None, Meta(description="The only dashboard that is shown.")]
    may_command: bool


class WhoAmI(msgspec.Struct):
    """The caller, as the gateway sees it."""

    role: Role
    by: By
    session: str | None = None
    token: str | None = None
    person: Annotated[str | None, Meta(description="The id of the person that it is.")] = None
    name: Annotated[str, Meta(description="What that person is called.")] = ""
    limits: Annotated[LimitsAnswer | None, Meta(description="What may be seen and used; null for all.")] = None
    language: Annotated[PersonLanguage | None, Meta(description="That the person chose; null for none.")] = None


class SessionAnswer(msgspec.Struct):
    """A browser that is signed in."""

    id: str
    role: Role
    agent: Annotated[str, Meta(description="The browser's User-Agent; untrusted text.")]
    created: Annotated[float, Meta(description="Unix seconds.")]
    last_used: float
    ends: Annotated[float, Meta(description="When it ends unless it is used again.")]
    last_address: str | None
    token: Annotated[str | None, Meta(description="The token that opened it; revoking it ends the session.")]
    person: Annotated[str | None, Meta(description="The person whose it is; their role counts.")]
    name: Annotated[str, Meta(description="What that person is called.")]
    invitation: Annotated[str | None, Meta(description="The invitation whose dashboard it shows.")]
    is_yours: bool


class SessionList(msgspec.Struct):
    """Every signed-in browser, the last used first."""

    sessions: list[SessionAnswer]


class SignInLinkRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A new sign-in link."""

    role: LinkRole | UnsetType = UNSET
    minutes: Annotated[float, Meta(gt=0, le=LINK_MINUTES_MAX)] | UnsetType = UNSET


class SignInLinkAnswer(msgspec.Struct):
    """A link that signs one browser in, once; the gateway shows it only once."""

    path: Annotated[str, Meta(description="Append it to the gateway's address; the part after # is secret.")]
    address: Annotated[
        str | None, Meta(description="The setting `public_url`, else the address of the gateway in its network now.")
    ]
    is_public: Annotated[bool, Meta(description="Whether the address is the setting.")]
    role: Role
    expires: float


def sign_in(call: Call) -> WhoAmI | Response:
    """Signs a browser in and sets its cookie."""
    access = call.parts.operators
    agent = call.request.headers.get("user-agent", "")
    name = "" if call.body.name is UNSET else call.body.name
    made = access.sign_in(call.caller, call.body.token, agent, name)
    if made is NAME_NEEDED:
        return problem(made.status, made.code, made.message)
    if isinstance(made, Refused):
        return refuse(call.parts, call.caller, made, "sign-in")
    session = access.sessions.find(made.session_id)
    if session is not None and session.person is not None and call.body.language is not UNSET:
        access.people.set_language(session.person, call.body.language, is_guess=True)
    call.record("signed in", f"{made.name} {made.role} session {made.session_id}".lstrip())
    response = respond(WhoAmI(made.role, "session", made.session_id, name=made.name), 201)
    _set_cookie(call, response, made)
    return response


def who_am_i(call: Call) -> WhoAmI:
    """Returns who the caller is and which role it has."""
    admitted, limits = call.admitted, call.admitted.limits
    by: By = "localhost" if admitted.token_id is None else "token"
    if admitted.session_id is not None:
        by = "session"
    elif admitted.is_of_home_assistant:
        by = "home_assistant"
    return WhoAmI(
        admitted.role, by, admitted.session_id, admitted.token_id, admitted.person, admitted.name,
        None if limits is None else LimitsAnswer(limits.grants, limits.layout, limits.may_command), _language(call),
    )  # fmt: skip


def change_own(call: Call) -> WhoAmI | Response:
    """Changes the language of the person who asks: of their pages, of alerts on their browsers, of their links."""
    if call.admitted.person is None:
        return problem(409, "no_person", "only people have a language of their own; an owner gives you a name")
    set_language(call, call.admitted.person, call.body.language)
    return who_am_i(call)


def set_language(call: Call, person_id: str, language: PersonLanguage | None) -> None:
    """Changes the language of a person, and that of the browsers that tell them of alerts."""
    operators = call.parts.operators
    operators.people.set_language(person_id, language)
    if language is not None:
        own = [each.session_id for each in operators.sessions.list() if each.person == person_id]
        call.parts.alerts.messages.browsers.set_language(own, language)


def _language(call: Call) -> PersonLanguage | None:
    person = None if call.admitted.person is None else call.parts.operators.people.find(call.admitted.person)
    return None if person is None else person.language


def sign_out(call: Call) -> Response:
    """Ends the caller's session and removes its cookie."""
    if call.admitted.session_id is not None:
        _end(call, call.admitted.session_id)
    response = respond(None)
    response.delete_cookie(call.parts.operators.cookie_name, path=_cookie_path(call), httponly=True, samesite="strict")
    return response


def list_sessions(call: Call) -> SessionList:
    """Lists the signed-in browsers."""
    own, people = call.admitted.session_id, call.parts.operators.people.roles()
    return SessionList(
        [_answer(each, own, people.get(each.person or "")) for each in call.parts.operators.sessions.list()]
    )


def end_session(call: Call) -> Response | None:
    """Ends a session at once, and the streams that it watches; of an owner only for owners."""
    session_id = str(call.scope["path_params"]["session"])
    if _is_of_owner(call, session_id) and call.admitted.role != "owner":
        return refuse(call.parts, call.caller, OWNERS_ONLY, "DELETE /api/sessions/{session}")
    if not _end(call, session_id):
        return problem(404, "unknown_session", "no session has this id; see GET /api/sessions")
    return None


def issue_sign_in_link(call: Call) -> SignInLinkAnswer | Response:
    """Makes a link that signs one browser in, once; it ends with the person who made it."""
    role: LinkRole = "operator" if call.body.role is UNSET else call.body.role
    if not is_at_least(call.admitted.role, role):
        return refuse(call.parts, call.caller, OWNERS_ONLY, "POST /api/sign-in-links")
    minutes = LINK_MINUTES if call.body.minutes is UNSET else call.body.minutes
    made = call.parts.operators.links.issue(role, minutes, author=call.admitted.person)
    call.record("sign-in link issued", f"{role} link {made.identity} for {minutes:g} minutes")
    return link_answer(call, made, role, minutes)


def issue_own_link(call: Call) -> SignInLinkAnswer | Response:
    """Makes a link for another browser of the same person, which signs it in once."""
    admitted = call.admitted
    if admitted.person is None:
        return problem(409, "no_person", "only people make links for their own devices; an owner gives you a name")
    made = call.parts.operators.links.issue(admitted.role, LINK_MINUTES, person=admitted.person)
    call.record("sign-in link issued", f"link {made.identity} for another device of their own")
    return link_answer(call, made, admitted.role, LINK_MINUTES, _language(call))


def link_answer(
    call: Call, made: Credential, role: Role, minutes: float, language: PersonLanguage | None = None
) -> SignInLinkAnswer:
    """Returns a new link with the address that others reach, whose page is in a language."""
    query = "" if language is None else f"?language={language}"
    return SignInLinkAnswer(
        path=f"{SIGN_IN_PATH}{query}#{made.text}",
        address=address_of(call.parts.access.connection),
        is_public=bool(call.parts.settings.public_url),
        role=role,
        expires=call.parts.unix_s() + minutes * 60,
    )


OPERATIONS = [
    Operation(
        method="POST", path="/api/session", tag=_TAG, handle=sign_in, need=None, is_stored=True,
        body=SignInRequest, answer=WhoAmI, status=201, errors=(401, 403, 409, 429, 503),
    ),
    Operation(method="GET", path="/api/session", tag=_TAG, handle=who_am_i, need=Need.SEE, answer=WhoAmI),
    Operation(
        method="PATCH", path="/api/session", tag=_TAG, handle=change_own, need=Need.LEAVE, is_stored=True,
        body=SessionChange, answer=WhoAmI, errors=(409,),
    ),
    Operation(
        method="DELETE", path="/api/session", tag=_TAG, handle=sign_out, need=Need.LEAVE,
        is_stored=True, status=204,
    ),
    Operation(
        method="POST", path="/api/session/link", tag=_TAG, handle=issue_own_link, need=Need.LEAVE,
        is_stored=True, answer=SignInLinkAnswer, status=201, errors=(409,),
    ),
    Operation(
        method="GET", path="/api/sessions", tag=_TAG, handle=list_sessions, need=Need.ADMINISTER, answer=SessionList,
    ),
    Operation(
        method="DELETE", path="/api/sessions/{session}", tag=_TAG, handle=end_session, need=Need.CHANGE,
        is_stored=True, status=204
    ),
    Operation(
        method="POST", path="/api/sign-in-links", tag=_TAG, handle=issue_sign_in_link, need=Need.CHANGE,
        is_stored=True, body=SignInLinkRequest, is_body_optional=True, answer=SignInLinkAnswer, status=201,
    ),
]  # fmt: skip


def _set_cookie(call: Call, response: Response, made: SignedIn) -> None:
    response.set_cookie(
        call.parts.operators.cookie_name,
        made.text,
        max_age=int(made.life_s),
        path=_cookie_path(call),
        httponly=True,
        samesite="strict",
        # Behind a proxy with TLS, the outer scheme counts; over plain HTTP a browser drops a secure cookie.
        secure=call.request.url.scheme == "https",
    )


def _cookie_path(call: Call) -> str:
    """Returns the path below which the browser sends the cookie: other pages of a proxy do not get it."""
    return f"{base_path_of(call.scope)}/"


def _is_of_owner(call: Call, session_id: str) -> bool:
    session = call.parts.operators.sessions.find(session_id)
    person = None if session is None or session.person is None else call.parts.operators.people.find(session.person)
    return session is not None and (session.role if person is None else person.role) == "owner"


def _end(call: Call, session_id: str) -> bool:
    is_ended = call.parts.operators.sessions.close(session_id)
    if is_ended:
        call.parts.end_streams()
        call.record("signed out", f"session {session_id[:64]}")
    return is_ended


def _answer(session: BrowserSession, own: str | None, person: tuple[str, PersonRole] | None) -> SessionAnswer:
    name, role = person or ("", session.role)
    return SessionAnswer(
        id=session.session_id,
        role=role,
        agent=session.agent,
        created=session.created_s,
        last_used=session.last_used_s,
        ends=session.ends_s,
        last_address=session.last_address,
        token=session.token_id,
        person=session.person,
        name=name,
        invitation=session.invitation,
        is_yours=session.session_id == own,
    )
