"""Tokens over HTTP: issued and shown once, listed without their secrets, revoked; and the enrolment window."""

from __future__ import annotations

import itertools
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.responses import Response

from darvaz.gateway.access import Need, Token
from darvaz.gateway.access.decisions import OWNERS_ONLY
from darvaz.gateway.access.enrolment import FIRST_START_MINUTES, MINUTES_MAX
from darvaz.gateway.access.tokens import PEOPLE_KINDS
from darvaz.gateway.api.lists import list_in_slices
from darvaz.gateway.api.operations import Call, Operation
from darvaz.gateway.api.types import DeviceId, Identity, Label
from darvaz.gateway.http.authorization import refuse
from darvaz.gateway.http.problems import problem
from darvaz.gateway.sign_in_hint import address_of

EXPIRES_DAYS_MAX = 36_500.0

_TAG = "Tokens and enrolment"
_DAY_S = 86_400.0

Kind = Literal["pico", "esp32cam", "owner", "operator", "viewer", "assistant", "person"]


class TokenAnswer(msgspec.Struct):
    """A token without its secret."""

    id: str
    kind: Kind
    state: Literal["live", "expired", "revoked"]
    label: str
    device: Annotated[str | None, Meta(description="The only device that may use it.")]
    is_minted: Annotated[bool, Meta(description="Whether /public/tokens issued it.")]
    created: Annotated[float, Meta(description="Unix seconds.")]
    expires: float | None
    last_used: float | None
    last_address: str | None
    person: Annotated[str | None, Meta(description="The person whose it is.")]


class TokenList(msgspec.Struct):
    """Every known token, the oldest first."""

    tokens: list[TokenAnswer]


class TokenRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A new token."""

    kind: Kind
    label: Label = ""
    expires_days: Annotated[float, Meta(gt=0, le=EXPIRES_DAYS_MAX)] | None = None
    device: DeviceId | None = None
    person: Annotated[Identity | None, Meta(description="The person whose it is, of the kind person.")] = None


class TokenIssued(msgspec.Struct):
    """A new token; the gateway shows it only once."""

    id: str
    token: str


class EnrolmentAnswer(msgspec.Struct):
    """Whether boards on other machines may fetch tokens at /public/tokens now."""

    is_open: bool
    seconds_left: float
    policy: Literal["window", "always", "never"]
    address: Annotated[
        str | None, Meta(description="The setting `public_url`, else the address of the gateway in its network now.")
    ]
    is_public: Annotated[bool, Meta(description="Whether the address is the setting.")]


class EnrolmentRequest(msgspec.Struct, forbid_unknown_fields=True):
    """How long the enrolment window stays open."""

    minutes: Annotated[float, Meta(gt=0, le=MINUTES_MAX)] | UnsetType = UNSET


async def list_tokens(call: Call) -> Response:
    """Lists the tokens, without their secrets."""
    parts, now_s = call.parts, call.parts.unix_s()
    tokens = list(itertools.chain(*await parts.long_work.collect(parts.access.tokens.parts())))
    tokens.sort(key=lambda token: (token.created_s, token.token_id))
    return await list_in_slices(call, "tokens", (_answer(token, now_s) for token in tokens))


def issue_token(call: Call) -> TokenIssued | Response:
    """Issues a token and shows it, only once; one of a person ends with the person who issued it."""
    request: TokenRequest = call.body
    if request.kind in ("owner", "person") and call.admitted.role != "owner":
        return refuse(call.parts, call.caller, OWNERS_ONLY, "POST /api/tokens")
    if request.person is not None and call.parts.operators.people.find(request.person) is None:
        return problem(422, "invalid", "person: no person has this id; see GET /api/people")
    author = call.admitted.person if request.kind in PEOPLE_KINDS and request.person is None else None
    expires_in_s = None if request.expires_days is None else request.expires_days * _DAY_S
    device = None if request.device is None else call.parts.protocol.device_ids.find(request.device)
    try:
        issued = call.parts.access.tokens.issue(
            request.kind, request.label, expires_in_s, device, person=request.person, author=author
        )
    except ValueError as error:
        return problem(422, "invalid", str(error))
    call.record("token issued", f"{request.kind} {issued.token_id}")
    return TokenIssued(issued.token_id, issued.text)


def revoke_token(call: Call) -> Response | None:
    """Revokes a token, and closes its link and the browser sessions that it opened."""
    token_id = str(call.scope["path_params"]["token"])
    known = call.parts.access.tokens.find(token_id)
    if known is not None and known.kind in ("owner", "person") and call.admitted.role != "owner":
        return refuse(call.parts, call.caller, OWNERS_ONLY, "DELETE /api/tokens/{token}")
    if not call.parts.access.tokens.revoke(token_id):
        return problem(404, "unknown_token", "no live token has this id; see GET /api/tokens")
    call.parts.end_streams()
    call.record("token revoked", token_id)
    return None


def read_enrolment(call: Call) -> EnrolmentAnswer:
    """Returns whether the enrolment window is open, and for how long."""
    left_s, policy = call.parts.access.enrolment.seconds_left(), call.parts.settings.public_tokens
    is_open = policy == "always" or (policy == "window" and left_s > 0)
    address = address_of(call.parts.access.connection)
    return EnrolmentAnswer(is_open, left_s, policy, address, bool(call.parts.settings.public_url))


def open_enrolment(call: Call) -> EnrolmentAnswer:
    """Opens the enrolment window: boards on other machines may fetch tokens for some minutes."""
    minutes = FIRST_START_MINUTES if call.body.minutes is UNSET else call.body.minutes
    call.parts.access.enrolment.open_for(minutes)
    call.record("enrolment opened", f"{minutes:g} minutes")
    return read_enrolment(call)


def close_enrolment(call: Call) -> EnrolmentAnswer:
    """Closes the enrolment window now."""
    call.parts.access.enrolment.close()
    call.record("enrolment closed")
    return read_enrolment(call)


OPERATIONS = [
    Operation(method="GET", path="/api/tokens", tag=_TAG, handle=list_tokens, need=Need.ADMINISTER, answer=TokenList),
    Operation(
        method="POST", path="/api/tokens", tag=_TAG, handle=issue_token, need=Need.CHANGE, is_stored=True,
        body=TokenRequest, answer=TokenIssued, status=201,
    ),
    Operation(
        method="DELETE", path="/api/tokens/{token}", tag=_TAG, handle=revoke_token, need=Need.CHANGE,
        is_stored=True, status=204
    ),
    Operation(
        method="GET", path="/api/enrolment", tag=_TAG, handle=read_enrolment, need=Need.VIEW, answer=EnrolmentAnswer
    ),
    Operation(
        method="POST", path="/api/enrolment", tag=_TAG, handle=open_enrolment, need=Need.CHANGE, is_stored=True,
        body=EnrolmentRequest, is_body_optional=True, answer=EnrolmentAnswer,
    ),
    Operation(
        method="DELETE", path="/api/enrolment", tag=_TAG, handle=close_enrolment, need=Need.CHANGE, is_stored=True,
        answer=EnrolmentAnswer,
    ),
]  # fmt: skip


def _answer(token: Token, now_s: float) -> TokenAnswer:
    state: Literal["live", "expired", "revoked"] = "live" if token.is_live(now_s) else "expired"
    return TokenAnswer(
        id=token.token_id,
        kind=token.kind,  # type: ignore[arg-type]
        state="revoked" if token.revoked_s is not None else state,
        label=token.label,
        device=token.device,
        is_minted=token.is_minted,
        created=token.created_s,
        expires=token.expires_s,
        last_used=token.last_used_s,
        last_address=token.last_address,
        person=token.person,
    )
