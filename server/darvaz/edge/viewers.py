"""The doors for viewers: a camera as MJPEG, as single JPEGs, as WebSocket packets, and what is known of it."""

from __future__ import annotations

import contextlib
import time
from email.utils import formatdate
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send

from darvaz.access import Admitted
from darvaz.edge.http_protocol import EXTENSION, HttpProtocol
from darvaz.edge.mjpeg import HEADERS, PREAMBLE, pack_part
from darvaz.edge.outlets import TaskOutlet
from darvaz.edge.problems import problem
from darvaz.edge.view_socket import ViewerDoor
from darvaz.edge.viewing import looking, may_stay, parse_query, refuse_view
from darvaz.frames import Frame, Outlet, Viewer, Wish
from darvaz.hub import CommandError
from darvaz.parts import Parts

_RETRY_S = 5.0


def viewer_routes(parts: Parts) -> list[BaseRoute]:
    """Returns the routes for viewers, all under the rules of those who may only look."""

    async def stream(request: Request) -> Response:
        """Streams MJPEG for as long as the client stays; while the camera is away nothing comes."""
        admitted = refuse_view(parts, request)
        if isinstance(admitted, Response):
            return admitted
        wish = parse_query(request.query_params)
        if isinstance(wish, str) or wish.fps == 0:
            return problem(422, "invalid", wish if isinstance(wish, str) else "fps: above 0")
        if parts.frames.viewers >= parts.settings.viewers_max:
            return problem(503, "too_many_viewers", "the gateway has all the viewers it may have", _RETRY_S)
        return MjpegResponse(parts, request.path_params["device"], wish, admitted)

    async def snapshot(request: Request) -> Response:
        """Answers with one fresh frame."""
        admitted = refuse_view(parts, request)
        if isinstance(admitted, Response):
            return admitted
        try:
            frame = await parts.snapshots.take(request.path_params["device"])
        except CommandError as error:
            retry_after_s = _RETRY_S if error.status in (503, 504) else None
            return problem(error.status, error.code, str(error), retry_after_s)
        return Response(frame.data, headers=_headers(frame), media_type="image/jpeg")

    async def state(request: Request) -> Response:
        """Says how a camera is: what it was asked for, what comes, who looks."""
        admitted = refuse_view(parts, request)
        if isinstance(admitted, Response):
            return admitted
        return JSONResponse(describe(parts, request.path_params["device"]), headers={"Cache-Control": "no-store"})

    return [
        Route("/api/devices/{device}/stream.mjpeg", stream),
        Route("/api/devices/{device}/snapshot.jpg", snapshot),
        Route("/api/devices/{device}/camera", state),
        WebSocketRoute("/ws/view/{device}", ViewerDoor(parts)),
    ]


class MjpegResponse(Response):
    """Frames, one part after the other, until the client leaves."""

    media_type = None

    def __init__(self, parts: Parts, device: str, wish: Wish, admitted: Admitted) -> None:
        super().__init__()
        self.raw_headers = HEADERS
        self._parts = parts
        self._device = device
        self._wish = wish
        self._admitted = admitted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        protocol: HttpProtocol | None = scope.get("extensions", {}).get(EXTENSION)
        if scope["method"] == "HEAD":
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            await send({"type": "http.response.body", "body": b""})
        elif protocol is None:
            await self._send_plainly(receive, send)
        else:
            outlet = protocol.open_body(HEADERS, PREAMBLE)
            with self._looking(outlet):
                await _disconnected(receive)

    async def _send_plainly(self, receive: Receive, send: Send) -> None:
        async def send_body(packet: bytes) -> None:
            await send({"type": "http.response.body", "body": packet, "more_body": True})

        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send_body(PREAMBLE)
        outlet = TaskOutlet(send_body)
        with self._looking(outlet):
            await outlet.run(_disconnected(receive))

    def _looking(self, outlet: Outlet) -> contextlib.AbstractContextManager[None]:
        viewer = Viewer(outlet, pack_part, self._wish, may_stay(self._parts, self._admitted))
        return looking(self._parts, self._device, viewer, waits_for_size=True)


def describe(parts: Parts, device: str) -> dict[str, Any]:
    """Returns what is known of a camera, for people and programs."""
    camera, asked = parts.frames.camera(device), parts.director.asked_of(device)
    newest, round_trip_s = camera.newest, parts.director.round_trip_s(device)
    return {
        "id": device,
        "online": parts.hub.commands_of(device) is not None,
        "viewers": camera.viewers,
        "asked": None if asked is None else {"fps": asked.fps, "size": asked.size, "quality": asked.quality},
        "arriving_fps": round(camera.fps(time.monotonic()), 2),
        "frame_bytes": None if newest is None else len(newest.data),
        "age_s": None if newest is None else round(time.monotonic() - newest.arrived_s, 3),
        "round_trip_ms": None if round_trip_s is None else round(round_trip_s * 1000, 1),
        "frames": camera.frames,
        "bytes": camera.bytes,
    }


def _headers(frame: Frame) -> dict[str, str]:
    return {
        "Last-Modified": formatdate(frame.unix_s, usegmt=True),
        "Age": str(round(time.monotonic() - frame.arrived_s)),
        "X-Timestamp": f"{frame.unix_s:.3f}",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
