"""Authorization of HTTP requests: the decision of `access` as a response, with refusals in the journal."""

from __future__ import annotations

import time
from collections.abc import Mapping, MutableMapping
from typing import Any, NamedTuple

from msgspec.structs import replace
from starlette.responses import Response

from darvaz.gateway.access import Admitted, Caller, Need, Refused
from darvaz.gateway.access.decisions import NOT_PROVEN
from darvaz.gateway.http.plain_requests import PlainHead
from darvaz.gateway.http.problems import problem, unknown_device
from darvaz.gateway.http.server_protocol import EXTENSION
from darvaz.gateway.parts import Parts

# Its expiry is noticed that much later.
_REUSE_S = 1.0
_PASSWORD_CHALLENGE = 'Basic realm="Darvaz", charset="UTF-8"'


async def authorize(
    parts: Parts, scope: MutableMapping[str, Any], caller: Caller, need: Need, action: str
) -> Admitted | Response:
    """Returns who the caller is, or the response that refuses it.

    `action` names the request in the journal; it must hold no text of the caller.
    """
    decision = parts.operators.admit(caller, need)
    if decision is NOT_PROVEN and await is_local_program(parts, scope):
        decision = parts.operators.admit(replace(caller, is_local_program=True), need)
    return refuse(parts, caller, decision, action) if isinstance(decision, Refused) else decision


class Admission(NamedTuple):
    """A caller that was admitted, and until when that counts."""

    need: Need
    admitted: Admitted
    state: tuple[int, int]
    until_s: float


def authorize_at_once(parts: Parts, head: PlainHead, need: Need, action: str) -> Admitted | Response | None:
    """Does what `authorize` does for the caller of a head; None where the system must be asked about the caller.

    A token that was valid on this connection is not looked up again for a moment, unless anything of access changes.
    """
    known: Admission | None = head.admission
    operators, now_s = parts.operators, time.monotonic()
    if known is not None and known.need is need and now_s < known.until_s and known.state == operators.state:
        return known.admitted
    decision = operators.admit(head.caller, need)
    if decision is NOT_PROVEN:
        return None
    if isinstance(decision, Refused):
        return refuse(parts, head.caller, decision, action)
    if decision.token_id is not None and decision.session_id is None:
        head.admission = Admission(need, decision, operators.state, now_s + _REUSE_S)
    return decision


async def authorize_viewer(
    parts: Parts,
    scope: MutableMapping[str, Any],
    caller: Caller,
    query: Mapping[str, str],
    device: str,
    action: str,
) -> Admitted | Response:
    """Returns who may see one camera: a viewer, or a caller with a view link of that camera."""
    signature, until = query.get("signature"), query.get("until", "")
    if signature is None:
        admitted = await authorize(parts, scope, caller, Need.SEE, action)
        if isinstance(admitted, Admitted) and not parts.scopes.may_watch(admitted.limits, device):
            return unknown_device(device)
        return admitted
    until_s = int(until) if until.isascii() and until.isdigit() and len(until) <= 12 else 0
    known = parts.devices.get(device)
    since_s = known.first_seen_s if known is not None else 0.0
    decision = parts.operators.admit_with_view_link(caller, device, until_s, signature, since_s=since_s)
    return refuse(parts, caller, decision, action) if isinstance(decision, Refused) else decision


async def is_local_program(parts: Parts, scope: MutableMapping[str, Any]) -> bool:
    """Whether the connection belongs to a local program; asked once for each connection."""
    connection = scope.get("extensions", {}).get(EXTENSION)
    known: bool | None = getattr(connection, "is_local_program", None)
    if known is None:
        known = await parts.local_programs.is_local(tuple(scope["client"][:2]), tuple(scope["server"][:2]))
        if connection is not None:
            connection.is_local_program = known
    return known


def refuse(parts: Parts, caller: Caller, refused: Refused, action: str) -> Response:
    """Returns a refusal as a response, and writes it to the journal as `note_refusal` does."""
    note_refusal(parts, caller, refused, action)
    response = problem(refused.status, refused.code, refused.message, refused.retry_after_s)
    # Programs need the challenge for a password (RFC 7617); a browser would show its own sign-in dialogue.
    if refused.status == 401 and not caller.has_browser_headers:
        response.headers.append("WWW-Authenticate", _PASSWORD_CHALLENGE)
    return response


def note_refusal(parts: Parts, caller: Caller, refused: Refused, action: str) -> None:
    """Counts a refusal, and writes it to the journal a limited number of times a minute for each address."""
    parts.metrics.count_refused(refused.code)
    parts.refusals.record(None, caller.address, f"{action}: {refused.status} {refused.code}")
