"""What a viewer of a camera may request, and the problems of a request."""

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
from darvaz.gateway.http.problems import problem, unknown_device
from darvaz.gateway.parts import Parts

RETRY_S = 5.0
REQUEST_BYTES_MAX = 1024
VIEWER_FPS_MAX = 60

_RULE = (
    f"fps is a number from 0 to {VIEWER_FPS_MAX}, quality a whole number from 1 to 100, size one of {', '.join(SIZES)}"
)


class _RequestFields(msgspec.Struct, frozen=True):
    """A viewer request as it is written in a query or in JSON."""

    fps: Annotated[float, Meta(ge=0, le=VIEWER_FPS_MAX)] | None = None
    size: Size | None = None
    quality: Annotated[int, Meta(ge=1, le=100)] | None = None


class ViewLinkQuery(msgspec.Struct):
    """The query of a view link; unknown parameters of players are ignored."""

    until: Annotated[str, Meta(description="Part of a view link.")] = ""
    signature: Annotated[str, Meta(description="Part of a view link.")] = ""


def may_stay(parts: Parts, admitted: Admitted, device: str) -> Callable[[], bool]:
    """Returns a function that tells whether a viewer is still admitted, and its camera was not forgotten."""
    joined_at = _first_seen_s(parts, device)
    return lambda: (
        _first_seen_s(parts, device) == joined_at
        and parts.operators.is_still_admitted(admitted)
        and parts.scopes.may_watch(admitted.limits, device)
    )


def _first_seen_s(parts: Parts, device: str) -> float | None:
    known = parts.devices.get(device)
    return None if known is None else known.first_seen_s


def refuse_device(parts: Parts, device: str) -> Response | None:
    """Returns the problem of a device that is unknown or not a camera."""
    kind = parts.hub.kind_of(device)
    if kind is None:
        return unknown_device(device)
    if not parts.protocol.kinds[kind].sends_frames:
        return problem(404, "not_a_camera", f"{device} is a {parts.protocol.kinds[kind].title} and sends no frames")
    return None


def refuse_over_limit(parts: Parts) -> Response | None:
    """Returns the problem of one viewer too many."""
    if parts.frames.viewers < parts.settings.viewers_max:
        return None
    return problem(503, "too_many_viewers", "the limit of viewers is reached", RETRY_S)


def parse_query(query: Mapping[str, Any]) -> ViewerRequest | str:
    """Returns the viewer request in a query, or the rule that it breaks."""
    try:
        given = {name: query[name] for name in query if name in _FIELDS}
        return _request(msgspec.convert(given, _RequestFields, strict=False))
    except msgspec.ValidationError:
        return _RULE


def parse_text(text: str) -> ViewerRequest | str:
    """Returns the viewer request in a text packet, or the rule that it breaks."""
    if len(text) > REQUEST_BYTES_MAX:
        return f"at most {REQUEST_BYTES_MAX} bytes"
    try:
        return _request(msgspec.json.decode(text, type=_RequestFields))
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return _RULE


@contextlib.contextmanager
def viewing(parts: Parts, device: str, viewer: Viewer) -> Iterator[None]:
    """Shows a camera to a viewer while the block lasts: the newest frame at once, then each new one.

    A viewer that requests a size gets nothing until the camera sends that size.
    """
    size = viewer.request.size
    waits = size is not None and not parts.stream_controller.has_final_size(device, viewer.request)
    parts.frames.join(device, viewer, waits=waits)
    newest = parts.frames.camera(device).newest
    try:
        if newest is not None and not waits:
            viewer.offer(newest, time.monotonic())
        yield
    finally:
        parts.frames.leave(device, viewer)


def _request(fields: _RequestFields) -> ViewerRequest:
    return ViewerRequest(fields.fps, fields.size, fields.quality)


_FIELDS = frozenset(_RequestFields.__struct_fields__)
