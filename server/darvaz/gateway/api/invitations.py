"""Invitations over HTTP: one link for many, to become people or to see one dashboard; and links as QR codes."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.responses import Response

from darvaz.gateway.access import Grant, Need
from darvaz.gateway.access.invitations import (
    INVITATION_DAYS,
    INVITATION_DAYS_MAX,
    USES_MAX,
    Invitation,
    TooManyInvitationsError,
)
from darvaz.gateway.access.roles import PersonRole
from darvaz.gateway.api.operations import Call, Operation
from darvaz.gateway.api.people import TAG, Grants, refuse_grants
from darvaz.gateway.api.types import Identity, Label
from darvaz.gateway.http.problems import problem
from darvaz.gateway.sign_in_hint import SIGN_IN_PATH, address_of

_CODE_CHARS_MAX = 400
_DAY_S = 86_400.0


class InvitationRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A new invitation."""

    role: PersonRole
    grants: Grants = []
    uses: Annotated[int, Meta(ge=1, le=USES_MAX, description="How many may use the link.")] = 1
    days: Annotated[float, Meta(gt=0, le=INVITATION_DAYS_MAX)] = INVITATION_DAYS
    label: Label = ""
    layout: Annotated[
        Identity | None, Meta(description="Show this dashboard, and nothing else, to viewers or users without names.")
    ] = None


class InvitationAnswer(msgspec.Struct):
    """An invitation without its secret."""

    id: str
    label: str
    role: PersonRole
    grants: tuple[Grant, ...]
    layout: str | None
    uses_max: int
    uses: int
    created: Annotated[float, Meta(description="Unix seconds.")]
    expires: float
    state: Annotated[str, Meta(description="live, used or expired.")]


class InvitationIssued(msgspec.Struct):
    """A new invitation; the gateway shows its link only once."""

    id: str
    path: Annotated[str, Meta(description="Append it to the gateway's address; the part after # is secret.")]
    address: Annotated[
        str | None, Meta(description="The setting `public_url`, else the address of the gateway in its network now.")
    ]
    is_public: Annotated[bool, Meta(description="Whether the address is the setting.")]
    expires: float


class InvitationList(msgspec.Struct):
    """The invitations, the newest first."""

    invitations: list[InvitationAnswer]


class CodeRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What a QR code says."""

    text: Annotated[str, Meta(min_length=1, max_length=_CODE_CHARS_MAX)]


class CodeAnswer(msgspec.Struct):
    """A QR code: dark squares as the path of a drawing, on a light ground with a margin."""

    size: Annotated[int, Meta(description="Of the drawing, with its margin, in squares.")]
    path: str


def list_invitations(call: Call) -> InvitationList:
    """Lists the invitations, with how often each was used."""
    return InvitationList([_answer(call, each) for each in call.parts.operators.invitations.list()])


def issue_invitation(call: Call) -> InvitationIssued | Response:
    """Makes an invitation; it ends with the person who made it."""
    request: InvitationRequest = call.body
    refused = _refuse(call, request)
    if refused is not None:
        return refused
    try:
        made = call.parts.operators.invitations.issue(
            request.role, request.grants, uses_max=request.uses, days=request.days, label=request.label,
            layout=request.layout, author=call.admitted.person,
        )  # fmt: skip
    except TooManyInvitationsError as error:
        return problem(409, "too_many", str(error))
    what = f"dashboard {request.layout}" if request.layout else "people"
    call.record("invitation issued", f"{made.identity}: {request.role}, {what}, {request.uses} uses")
    return InvitationIssued(
        id=made.identity,
        path=f"{SIGN_IN_PATH}#{made.text}",
        address=address_of(call.parts.access.connection),
        is_public=bool(call.parts.settings.public_url),
        expires=call.parts.unix_s() + request.days * _DAY_S,
    )


def revoke_invitation(call: Call) -> Response | None:
    """Ends an invitation, and the browsers that see its dashboard; people who came with it stay."""
    invitation_id = str(call.scope["path_params"]["invitation"])
    if not call.parts.operators.invitations.revoke(invitation_id):
        return problem(404, "unknown_invitation", "no invitation has this id; see GET /api/invitations")
    call.parts.end_streams()
    call.record("invitation revoked", invitation_id)
    return None


async def draw_code(call: Call) -> CodeAnswer:
    """Draws a text, such as a link, as a QR code; the text is in the body, since links have secrets."""
    return await asyncio.to_thread(_draw, call.body.text)


OPERATIONS = [
    Operation(
        method="GET", path="/api/invitations", tag=TAG, handle=list_invitations, need=Need.OWN, answer=InvitationList
    ),
    Operation(
        method="POST", path="/api/invitations", tag=TAG, handle=issue_invitation, need=Need.GOVERN, is_stored=True,
        body=InvitationRequest, answer=InvitationIssued, status=201, errors=(404, 409),
    ),
    Operation(
        method="DELETE", path="/api/invitations/{invitation}", tag=TAG, handle=revoke_invitation, need=Need.GOVERN,
        is_stored=True, status=204,
    ),
    Operation(
        method="POST", path="/api/qr-codes", tag=TAG, handle=draw_code, need=Need.SEE, body=CodeRequest,
        answer=CodeAnswer,
    ),
]  # fmt: skip


def _refuse(call: Call, request: InvitationRequest) -> Response | None:
    """Returns the problem of an invitation that cannot be, or None."""
    if request.layout is None:
        return refuse_grants(request.role, request.grants)
    if request.layout not in call.parts.layouts.all:
        return problem(404, "unknown_dashboard", "no dashboard has this id; see GET /api/layouts")
    if request.role not in ("viewer", "user") or request.grants:
        return problem(422, "invalid", "role: a dashboard is shared with viewers or users; its cards are their limits")
    return None


def _draw(text: str) -> CodeAnswer:
    """Draws a text, which takes longer than the event loop may stand; for any thread."""
    # Here: few ask, and a start is to be fast.
    import segno

    rows = [list(row) for row in segno.make_qr(text, error="m").matrix_iter(border=4)]
    squares = [f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, is_dark in enumerate(row) if is_dark]
    return CodeAnswer(len(rows), "".join(squares))


def _answer(call: Call, invitation: Invitation) -> InvitationAnswer:
    is_over = call.parts.unix_s() >= invitation.expires_s
    return InvitationAnswer(
        id=invitation.invitation_id,
        label=invitation.label,
        role=invitation.role,
        grants=invitation.grants,
        layout=invitation.layout,
        uses_max=invitation.uses_max,
        uses=len(invitation.uses),
        created=invitation.created_s,
        expires=invitation.expires_s,
        state="expired" if is_over else "used" if invitation.is_full else "live",
    )
