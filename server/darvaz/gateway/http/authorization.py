"""Who may ask over HTTP: the access room's decision as a response, with failures noted in the journal."""

from __future__ import annotations

from starlette.requests import HTTPConnection
from starlette.responses import Response

from darvaz.gateway.access import Admitted, Caller, Need, Refused
from darvaz.gateway.http.callers import caller_of
from darvaz.gateway.http.problems import problem
from darvaz.gateway.parts import Parts

_PASSWORD_CHALLENGE = 'Basic realm="Darvaz", charset="UTF-8"'


def admit(request: HTTPConnection, parts: Parts, need: Need, doing: str) -> Admitted | Response:
    """Returns who asks, or the response that refuses them.

    `doing` names what was asked for in the journal; it must hold nothing that the caller wrote.
    """
    caller = caller_of(request.scope)
    decision = parts.access.operators.admit(caller, need)
    return refuse(parts, caller, decision, doing) if isinstance(decision, Refused) else decision


def admit_viewer(request: HTTPConnection, parts: Parts, device: str, doing: str) -> Admitted | Response:
    """Returns who may see one camera: a viewer, or whoever has its signed link."""
    caller = caller_of(request.scope)
    signature, until = request.query_params.get("signature"), request.query_params.get("until", "")
    if signature is None:
        return admit(request, parts, Need.VIEW, doing)
    until_s = int(until) if until.isascii() and until.isdigit() and len(until) <= 12 else 0
    decision = parts.access.operators.admit_with_view_link(caller, device, until_s, signature)
    return refuse(parts, caller, decision, doing) if isinstance(decision, Refused) else decision


def refuse(parts: Parts, caller: Caller, refused: Refused, doing: str) -> Response:
    """Returns a refusal as a response and notes it, a bounded number of times a minute and address."""
    note_refusal(parts, caller, refused, doing)
    response = problem(refused.status, refused.code, refused.message, refused.retry_after_s)
    # A browser would answer this challenge with a dialogue of its own; other programs wait for it.
    if refused.status == 401 and not caller.has_browser_headers:
        response.headers.append("WWW-Authenticate", _PASSWORD_CHALLENGE)
    return response


def note_refusal(parts: Parts, caller: Caller, refused: Refused, doing: str) -> None:
    """Writes a refusal into the journal, unless this address has had its share of lines already."""
    if parts.noted_refusals.wait_s(caller.address) is None:
        parts.noted_refusals.count(caller.address)
        said = f"{doing}: {refused.status} {refused.code}"
        parts.journal.record(None, None, caller.address or "", "=", "refused", said)
