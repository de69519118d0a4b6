"""Answers that list much: each entry is made and written as JSON by itself, in slices of the event loop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from starlette.responses import Response

from darvaz.gateway.api.operations import Call
from darvaz.gateway.http.json_answers import JSON, NO_STORE


async def list_in_slices(call: Call, name: str, entries: Iterable[object], **more: Any) -> Response:
    """Returns an answer with a list of this name, and more fields behind it."""
    texts = await call.parts.long_work.collect(map(msgspec.json.encode, entries))
    behind = b"".join(b',"%s":%s' % (field.encode(), msgspec.json.encode(value)) for field, value in more.items())
    return Response(b'{"%s":[%s]%s}' % (name.encode(), b",".join(texts), behind), headers=NO_STORE, media_type=JSON)
