"""A camera as an HTTP response that goes on: frames as MJPEG until the client leaves."""

from __future__ import annotations

import contextlib

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from darvaz.gateway.access import Admitted
from darvaz.gateway.frames import FrameSender, Viewer, ViewerRequest
from darvaz.gateway.http.server_protocol import connection_of
from darvaz.gateway.http.streaming import wait_for_disconnect
from darvaz.gateway.parts import Parts
from darvaz.gateway.viewing.mjpeg import HEADERS, PREAMBLE, pack_part
from darvaz.gateway.viewing.requests import looking, may_stay


class MjpegResponse(Response):
    """Frames, one part after the other, until the client leaves."""

    media_type = None

    def __init__(self, parts: Parts, device: str, wish: ViewerRequest, admitted: Admitted) -> None:
        super().__init__()
        self.raw_headers = HEADERS
        self._parts = parts
        self._device = device
        self._wish = wish
        self._admitted = admitted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "HEAD":
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            await send({"type": "http.response.body", "body": b""})
        else:
            outlet = connection_of(scope).open_body(HEADERS, PREAMBLE)
            with self._looking(outlet):
                await wait_for_disconnect(receive)

    def _looking(self, outlet: FrameSender) -> contextlib.AbstractContextManager[None]:
        viewer = Viewer(outlet, pack_part, self._wish, may_stay(self._parts, self._admitted))
        return looking(self._parts, self._device, viewer, waits_for_size=True)
