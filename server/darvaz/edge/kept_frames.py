"""The frames that were kept on disk, for people and programs: which there are, and each of them."""

from __future__ import annotations

import asyncio
import re

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from darvaz.edge.problems import problem
from darvaz.edge.viewing import refuse_view
from darvaz.frame_ring import FrameRing
from darvaz.parts import Parts

# A frame never changes once it is kept; whoever may see it may keep it.
_HEADERS = {"Cache-Control": "private, max-age=86400, immutable", "X-Content-Type-Options": "nosniff"}

_TIME = re.compile(r"[0-9]{1,16}")


def kept_frame_routes(parts: Parts) -> list[Route]:
    """Returns the routes to what was kept, under the rules of those who may only look."""

    async def frames(request: Request) -> Response:
        """Lists the times, in milliseconds, of the frames that are kept."""
        ring = _ring(parts, request)
        if isinstance(ring, Response):
            return ring
        device = request.path_params["device"]
        times_ms = await asyncio.to_thread(ring.times_ms, device)
        return JSONResponse({"id": device, "frames": times_ms}, headers={"Cache-Control": "no-store"})

    async def frame(request: Request) -> Response:
        """Answers with one frame."""
        ring = _ring(parts, request)
        if isinstance(ring, Response):
            return ring
        time_ms = request.path_params["time_ms"]
        # Digits alone lead nowhere else.
        path = ring.path(request.path_params["device"], int(time_ms)) if _TIME.fullmatch(time_ms) else None
        if path is None or not await asyncio.to_thread(path.is_file):
            return problem(404, "unknown_frame", "no such frame is kept, or not any more")
        return FileResponse(path, headers=_HEADERS, media_type="image/jpeg")

    return [
        Route("/api/devices/{device}/frames", frames),
        Route("/api/devices/{device}/frames/{time_ms}.jpg", frame),
    ]


def _ring(parts: Parts, request: Request) -> FrameRing | Response:
    admitted = refuse_view(parts, request)
    if isinstance(admitted, Response):
        return admitted
    if parts.frame_ring is None:
        return problem(404, "not_kept", "no frames are kept; DARVAZ_CAMERA_RING_FRAMES says how many shall be")
    return parts.frame_ring
