"""Links by which one camera may be seen for a while, in an <img> or by a recorder that can send no header."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.responses import Response

from darvaz.gateway.access import Need
from darvaz.gateway.access.view_links import VIEW_MINUTES, VIEW_MINUTES_MAX
from darvaz.gateway.api.operations import Call, Operation
from darvaz.gateway.http.problems import problem


class ViewWanted(msgspec.Struct, forbid_unknown_fields=True):
    """How long a link is to work."""

    minutes: Annotated[float, Meta(gt=0, le=VIEW_MINUTES_MAX)] | UnsetType = UNSET


class ViewAnswer(msgspec.Struct):
    """Paths of one camera with a signature; whoever has one may look until it expires."""

    stream: Annotated[str, Meta(description="MJPEG; goes after the gateway's address.")]
    snapshot: Annotated[str, Meta(description="One JPEG.")]
    expires: Annotated[float, Meta(description="Unix seconds.")]


async def sign_view(call: Call) -> ViewAnswer | Response:
    """Makes links that show one camera, and nothing else, for a while."""
    kind = call.parts.hub.kind_of(call.device)
    if kind is None:
        return problem(404, "unknown_device", f"no device {call.device[:64]!r} was ever here; see GET /api/devices")
    if not call.parts.protocol.kinds[kind].sends_frames:
        return problem(404, "not_a_camera", f"{call.device} is a {kind} and sends no pictures")
    minutes = VIEW_MINUTES if call.body.minutes is UNSET else call.body.minutes
    until_s, signature = call.parts.access.operators.signer.sign(call.device, minutes)
    said = f"{minutes:g} minutes"
    call.parts.journal.record(call.device, kind, call.caller.address or "", "=", "view link issued", said)
    path, proof = f"/api/devices/{quote(call.device, safe='')}", f"until={until_s}&signature={signature}"
    return ViewAnswer(f"{path}/stream.mjpeg?{proof}", f"{path}/snapshot.jpg?{proof}", float(until_s))


OPERATIONS = [
    Operation(
        method="POST", path="/api/devices/{device}/view-links", tag="Cameras", handle=sign_view, need=Need.CHANGE,
        body=ViewWanted, is_body_optional=True, answer=ViewAnswer, status=201
    ),
]  # fmt: skip
