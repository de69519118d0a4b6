"""Who may look at cameras, at which, and what they say they want."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.responses import Response

from darvaz.gateway.access import Admitted
from darvaz.gateway.frames import Viewer, ViewerRequest
from darvaz.gateway.frames.demand import SIZES, Size
from darvaz.gateway.http.problems import problem
from darvaz.gateway.parts import Parts

RETRY_S = 5.0
WISH_BYTES_MAX = 1024
VIEWER_FPS_MAX = 60

_RULE = (
    f"fps is a number from 0 to {VIEWER_FPS_MAX}, quality a whole number from 1 to 100, size one of {', '.join(SIZES)}"
)


class _Said(msgspec.Struct, frozen=True):
    """A viewer's wish as it is written in a query or in JSON."""

    fps: Annotated[float, Meta(ge=0, le=VIEWER_FPS_MAX)] | None = None
    size: Size | None = None
    quality: Annotated[int, Meta(ge=1, le=100)] | None = None


class SignedQuery(msgspec.Struct):
    """What a signed link has in its query; players may add what they like."""

    until: Annotated[str, Meta(description="Of a signed link.")] = ""
    signature: Annotated[str, Meta(description="Of a signed link.")] = ""


def may_stay(parts: Parts, admitted: Admitted) -> Callable[[], bool]:
    """Returns what tells, while somebody looks, whether they are still let in."""
    return lambda: parts.access.operators.is_still_admitted(admitted)


def refuse_device(parts: Parts, device: str) -> Response | None:
    """Returns the problem of looking at what is no camera."""
    kind = parts.hub.kind_of(device)
    if kind is None:
        return problem(404, "unknown_device", f"no device {device[:64]!r} was ever here; see GET /api/devices")
    if not parts.protocol.kinds[kind].sends_frames:
        return problem(404, "not_a_camera", f"{device} is a {parts.protocol.kinds[kind].title} and sends no pictures")
    return None


def refuse_crowd(parts: Parts) -> Response | None:
    """Returns the problem of one viewer too many."""
    if parts.frames.viewers < parts.settings.viewers_max:
        return None
    return problem(503, "too_many_viewers", "the gateway has all the viewers it may have", RETRY_S)


def parse_query(query: Mapping[str, Any]) -> ViewerRequest | str:
    """Returns the wish in a query, or a sentence that says what a wish is."""
    try:
        return _wish(msgspec.convert({name: query[name] for name in query if name in _FIELDS}, _Said, strict=False))
    except msgspec.ValidationError:
        return _RULE


def parse_text(text: str) -> ViewerRequest | str:
    """Returns the wish in a text packet, or a sentence that says what a wish is."""
    if len(text) > WISH_BYTES_MAX:
        return f"at most {WISH_BYTES_MAX} bytes"
    try:
        return _wish(msgspec.json.decode(text, type=_Said))
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return _RULE


@contextlib.contextmanager
def looking(parts: Parts, device: str, viewer: Viewer, *, waits_for_size: bool = False) -> Iterator[None]:
    """Shows a camera to a viewer while the block lasts: what there is at once, then each frame that comes.

    One that waits for its size gets nothing before the camera sends in that size.
    """
    waits = (
        waits_for_size
        and viewer.request.size is not None
        and not parts.stream_controller.has_final_size(device, viewer.request)
    )
    parts.frames.join(device, viewer, waits=waits)
    newest = parts.frames.camera(device).newest
    try:
        if newest is not None and not waits:
            viewer.offer(newest, time.monotonic())
        yield
    finally:
        parts.frames.leave(device, viewer)


def _wish(said: _Said) -> ViewerRequest:
    return ViewerRequest(said.fps, said.size, said.quality)


_FIELDS = frozenset(_Said.__struct_fields__)
