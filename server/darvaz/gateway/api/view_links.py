"""View links: they show one camera for some time, in an <img> or a recorder that cannot send headers."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.responses import Response

from darvaz.gateway.access import Need
from darvaz.gateway.access.view_links import VIEW_MINUTES, VIEW_MINUTES_MAX
from darvaz.gateway.api.operations import Call, Operation
from darvaz.gateway.viewing.requests import refuse_device


class ViewLinkRequest(msgspec.Struct, forbid_unknown_fields=True):
    """How long a view link works."""

    minutes: Annotated[float, Meta(gt=0, le=VIEW_MINUTES_MAX)] | UnsetType = UNSET


class ViewLinkAnswer(msgspec.Struct):
    """Signed paths of one camera; they work without a token until they expire."""

    stream: Annotated[str, Meta(description="MJPEG; append it to the gateway's address.")]
    snapshot: Annotated[str, Meta(description="One JPEG.")]
    expires: Annotated[float, Meta(description="Unix seconds.")]


def sign_view(call: Call) -> ViewLinkAnswer | Response:
    """Makes links that show one camera, and nothing else, for some minutes."""
    refused = refuse_device(call.parts, call.device)
    if refused is not None:
        return refused
    minutes = VIEW_MINUTES if call.body.minutes is UNSET else call.body.minutes
    known = call.parts.devices.get(call.device)
    since_s = known.first_seen_s if known is not None else 0.0
    until_s, signature = call.parts.operators.signer.sign(call.device, minutes, since_s=since_s)
    call.record("view link issued", f"{minutes:g} minutes", call.device, call.parts.hub.kind_of(call.device))
    path, query = f"/api/devices/{quote(call.device, safe='')}", f"until={until_s}&signature={signature}"
    return ViewLinkAnswer(f"{path}/stream.mjpeg?{query}", f"{path}/snapshot.jpg?{query}", float(until_s))


OPERATIONS = [
    Operation(
        method="POST", path="/api/devices/{device}/view-links", tag="Cameras", handle=sign_view, need=Need.CHANGE,
        body=ViewLinkRequest, is_body_optional=True, answer=ViewLinkAnswer, status=201
    ),
]  # fmt: skip
