"""Cameras over HTTP: the live stream, snapshots, the state of a camera, motion before it, and kept frames."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from email.utils import formatdate
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.responses import FileResponse, Response

from darvaz.gateway.access import Need
from darvaz.gateway.api.operations import Call, Operation
from darvaz.gateway.cameras.frame_ring import FrameRing
from darvaz.gateway.cameras.motion import MotionSetting, TooManyCamerasError
from darvaz.gateway.cameras.picture_change import can_compare
from darvaz.gateway.cameras.picture_settings import PictureSetting, find_fault
from darvaz.gateway.cameras.stream_control import STREAM, ControlState
from darvaz.gateway.devices.errors import CommandError
from darvaz.gateway.frames import Frame, TooManyViewersError, ViewerRequest
from darvaz.gateway.frames.demand import DIMENSIONS, Size, offer_of, resolve_defaults
from darvaz.gateway.http.problems import problem, unknown_device
from darvaz.gateway.viewing.mjpeg_response import MjpegResponse
from darvaz.gateway.viewing.requests import RETRY_S, VIEWER_FPS_MAX, ViewLinkQuery, refuse_device, refuse_over_limit
from darvaz.text.extras import how_to_install

_JPEG = "image/jpeg"
# A kept frame never changes, so that clients may cache it.
_KEPT_HEADERS = {"Cache-Control": "private, max-age=86400, immutable", "X-Content-Type-Options": "nosniff"}


class StreamQuery(ViewLinkQuery):
    """What a viewer requests; the camera gets one request for all of its viewers."""

    fps: Annotated[float, Meta(gt=0, le=VIEWER_FPS_MAX)] | None = None
    size: Size | None = None
    quality: Annotated[int, Meta(ge=1, le=100)] | None = None


class CameraRequest(msgspec.Struct):
    """What the gateway requested of a camera."""

    fps: float
    size: str | None
    quality: int | None


class PictureSize(msgspec.Struct):
    """A size that a camera can send."""

    name: str
    width: int
    height: int


class PictureAnswer(msgspec.Struct):
    """What a camera sends to viewers who ask for nothing else: chosen, allowed, and whether it does so."""

    fps: Annotated[float | None, Meta(description="Null is the default, as of size and quality.")]
    size: str | None
    quality: int | None
    usual: Annotated[CameraRequest, Meta(description="The defaults of the gateway and the board.")]
    sizes: Annotated[list[PictureSize], Meta(description="That may be chosen; none for a camera of one size.")]
    quality_min: int
    quality_max: Annotated[int, Meta(description="0 for a camera of one quality.")]
    fps_max: float
    state: Annotated[
        ControlState,
        Meta(description="Whether the camera agreed to size and quality; `own`: it decides by itself what it sends."),
    ]
    reason: Annotated[str, Meta(description="Why it refused; empty if it did not.")]


class MotionAnswer(msgspec.Struct):
    """Motion before a camera: what is looked for, and what is seen now."""

    is_on: bool
    percent: Annotated[float, Meta(description="Of the picture that must change between two frames.")]
    is_moving: bool
    changed_percent: Annotated[float | None, Meta(description="Between the last two frames.")]


class CameraAnswer(msgspec.Struct):
    """State of a camera: what was requested of it, what arrives, how many viewers it has."""

    id: str
    online: bool
    viewers: int
    asked: CameraRequest | None
    arriving_fps: float
    frame_bytes: int | None
    age_s: Annotated[float | None, Meta(description="Of the newest frame.")]
    round_trip_ms: float | None
    frames: Annotated[int, Meta(description="Since the gateway started.")]
    bytes: int
    motion: MotionAnswer
    picture: PictureAnswer


class KeptFramesQuery(msgspec.Struct, forbid_unknown_fields=True):
    """How many of the kept frames are listed."""

    frames_max: Annotated[
        Annotated[int, Meta(ge=2, le=1_000_000)] | None,
        Meta(description="Of more frames, as many as this, spread over the whole time."),
    ] = None


class KeptFrames(msgspec.Struct):
    """The frames of a camera that are kept on disk."""

    id: str
    frames: Annotated[list[int], Meta(description="When they arrived, in Unix milliseconds.")]


def stream_camera(call: Call) -> Response:
    """Streams MJPEG until the client disconnects; while the camera is offline, no frames come."""
    query: StreamQuery = call.query
    refused = refuse_device(call.parts, call.device) or refuse_over_limit(call.parts)
    request = ViewerRequest(query.fps, query.size, query.quality)
    return refused or MjpegResponse(call.parts, call.device, request, call.admitted)


async def take_snapshot(call: Call) -> Response:
    """Returns one new frame."""
    refused = refuse_device(call.parts, call.device)
    if refused is not None:
        return refused
    try:
        frame = await call.parts.snapshots.take(call.device)
    except CommandError as error:
        return problem(error.status, error.code, str(error), RETRY_S if error.status in (503, 504) else None)
    headers = _headers(frame)
    if call.admitted.until_s is not None:
        # A view link is for an <img> in any page; without it, other pages may not show the picture.
        headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return Response(frame.data, headers=headers, media_type=_JPEG)


def describe_camera(call: Call) -> CameraAnswer | Response:
    """Returns the state of a camera: what was requested of it, what arrives, how many viewers it has."""
    refused = _refuse(call)
    return refused or _describe(call)


def set_motion(call: Call) -> MotionAnswer | Response:
    """Has the gateway look for motion before a camera, or not; it is the value `camera_motion` of the board."""
    refused = _refuse(call)
    if refused is not None:
        return refused
    setting: MotionSetting = call.body
    if setting.is_on and not can_compare():
        return problem(409, "not_installed", f"motion needs one more package: {how_to_install('motion')}")
    try:
        call.parts.motion.put(call.device, setting)
    except TooManyCamerasError as error:
        return problem(409, "too_many", str(error))
    except TooManyViewersError as error:
        return problem(503, "too_many_viewers", str(error), RETRY_S)
    wanted = f"from {setting.percent:g} % on" if setting.is_on else "off"
    call.record("motion changed", wanted, call.device)
    return _motion(call)


def choose_picture(call: Call) -> PictureAnswer | Response:
    """Chooses the size, the quality and the rate of a camera's frames for viewers who ask for nothing else."""
    refused = _refuse(call)
    if refused is not None:
        return refused
    setting: PictureSetting = call.body
    declared = _declared(call)
    if declared is None:
        return problem(409, "not_controlled", f"{call.device} decides by itself what it sends")
    fault = find_fault(setting, offer_of(call.parts.settings.camera_settings, declared))
    if fault is not None:
        return problem(422, "invalid", fault)
    call.parts.pictures.put(call.device, setting)
    chosen = {name: value for name, value in msgspec.structs.asdict(setting).items() if value is not None}
    text = ", ".join(f"{name} {value}" for name, value in chosen.items()) or "the defaults"
    call.record("picture changed", text, call.device)
    return _picture(call)


async def list_frames(call: Call) -> KeptFrames | Response:
    """Lists the frames of a camera that are kept on disk."""
    ring = _ring(call)
    if isinstance(ring, Response):
        return ring
    query: KeptFramesQuery = call.query
    times_ms = await asyncio.to_thread(ring.times_ms, call.device)
    return KeptFrames(call.device, _spread(times_ms, query.frames_max or len(times_ms)))


async def show_frame(call: Call) -> Response:
    """Returns one kept frame."""
    ring = _ring(call)
    if isinstance(ring, Response):
        return ring
    path: Path = ring.path(call.device, int(call.scope["path_params"]["time_ms"]))
    if not await asyncio.to_thread(path.is_file):
        return problem(404, "unknown_frame", "this frame is not kept, or no longer")
    return FileResponse(path, headers=_KEPT_HEADERS, media_type=_JPEG)


def _spread(times_ms: list[int], count_max: int) -> list[int]:
    """Returns `count_max` of the times, spread evenly, with the first and the last."""
    if len(times_ms) <= count_max:
        return times_ms
    step = (len(times_ms) - 1) / (count_max - 1)
    return [times_ms[round(number * step)] for number in range(count_max)]


def _refuse(call: Call) -> Response | None:
    """Returns the problem of a device that is not a camera, or not one that the caller may see."""
    is_shown = call.parts.scopes.may_watch(call.admitted.limits, call.device)
    return refuse_device(call.parts, call.device) if is_shown else unknown_device(call.device)


def _ring(call: Call) -> FrameRing | Response:
    refused = _refuse(call)
    if refused is None and call.parts.frame_ring is None:
        refused = problem(404, "not_kept", "no frames are kept; set DARVAZ_CAMERA_RING_FRAMES to keep some")
    return refused or call.parts.frame_ring  # type: ignore[return-value]  # one of them is there


def _describe(call: Call) -> CameraAnswer:
    parts, device = call.parts, call.device
    camera, requested, now_s = parts.frames.camera(device), parts.stream_controller.params_of(device), time.monotonic()
    newest, round_trip_s = camera.newest, parts.stream_controller.round_trip_s(device)
    return CameraAnswer(
        id=device,
        online=parts.hub.is_online(device),
        viewers=camera.viewers,
        asked=None if requested is None else CameraRequest(requested.fps, requested.size, requested.quality),
        arriving_fps=round(camera.fps(now_s), 2),
        frame_bytes=None if newest is None else len(newest.data),
        age_s=None if newest is None else round(now_s - newest.arrived_s, 3),
        round_trip_ms=None if round_trip_s is None else round(round_trip_s * 1000, 1),
        frames=camera.frames,
        bytes=camera.bytes,
        motion=_motion(call),
        picture=_picture(call),
    )


def _declared(call: Call) -> Mapping[str, Any] | None:
    """Returns what the board declared for the command `stream` when it was last here; None: it has none."""
    known = call.parts.devices.get(call.device)
    declared: Mapping[str, Any] | None = None if known is None else known.introduction.get("commands", {}).get(STREAM)
    return declared


def _picture(call: Call) -> PictureAnswer:
    of_all, declared = call.parts.settings.camera_settings, _declared(call)
    usual, chosen = resolve_defaults(of_all, declared or {}), call.parts.pictures.of(call.device)
    offer = offer_of(of_all, declared or {})
    state, reason = call.parts.stream_controller.state_of(call.device)
    return PictureAnswer(
        fps=chosen.fps,
        size=chosen.size,
        quality=chosen.quality,
        usual=CameraRequest(usual.fps, usual.size, usual.quality),
        sizes=[PictureSize(name, *DIMENSIONS[name]) for name in offer.sizes],
        quality_min=offer.quality_min,
        quality_max=offer.quality_max,
        fps_max=offer.fps_max,
        state=state,
        reason=reason,
    )


def _motion(call: Call) -> MotionAnswer:
    setting = call.parts.motion.setting_of(call.device)
    is_moving, percent = call.parts.motion.state_of(call.device)
    shown = None if percent is None else round(percent, 1)
    return MotionAnswer(setting.is_on, setting.percent, is_moving, shown)


def _headers(frame: Frame) -> dict[str, str]:
    return {
        "Last-Modified": formatdate(frame.unix_s, usegmt=True),
        "Age": str(round(time.monotonic() - frame.arrived_s)),
        "X-Timestamp": f"{frame.unix_s:.3f}",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }


_TAG = "Cameras"

OPERATIONS = [
    Operation(
        method="GET", path="/api/devices/{device}/stream.mjpeg", tag=_TAG, handle=stream_camera, need=Need.SEE,
        query=StreamQuery, answer=str, media=("multipart/x-mixed-replace",), errors=(503,), by_link=True
    ),
    Operation(
        method="GET", path="/api/devices/{device}/snapshot.jpg", tag=_TAG, handle=take_snapshot, need=Need.SEE,
        query=ViewLinkQuery, answer=str, media=(_JPEG,), errors=(502, 503, 504), by_link=True
    ),
    Operation(
        method="GET", path="/api/devices/{device}/camera", tag=_TAG, handle=describe_camera, need=Need.SEE,
        answer=CameraAnswer
    ),
    Operation(
        method="PUT", path="/api/devices/{device}/camera/motion", tag=_TAG, handle=set_motion, need=Need.CHANGE,
        is_stored=True, body=MotionSetting, answer=MotionAnswer, errors=(409, 503)
    ),
    Operation(
        method="PUT", path="/api/devices/{device}/camera/picture", tag=_TAG, handle=choose_picture, need=Need.CHANGE,
        is_stored=True, body=PictureSetting, answer=PictureAnswer, errors=(409,)
    ),
    Operation(
        method="GET", path="/api/devices/{device}/frames", tag=_TAG, handle=list_frames, need=Need.SEE,
        query=KeptFramesQuery, answer=KeptFrames
    ),
    Operation(
        method="GET", path="/api/devices/{device}/frames/{time_ms}.jpg", tag=_TAG, handle=show_frame, need=Need.SEE,
        answer=str, media=(_JPEG,)
    ),
]  # fmt: skip
