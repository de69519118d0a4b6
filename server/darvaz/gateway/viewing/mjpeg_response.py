"""A camera as an endless HTTP response: frames as MJPEG until the client disconnects."""

from __future__ import annotations

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from darvaz.gateway.access import Admitted
from darvaz.gateway.frames import Viewer, ViewerRequest
from darvaz.gateway.http.server_protocol import connection_of
from darvaz.gateway.http.streaming import wait_for_disconnect
from darvaz.gateway.parts import Parts
from darvaz.gateway.viewing.mjpeg import BEAT, HEADERS, PREAMBLE, pack_part
from darvaz.gateway.viewing.requests import may_stay, viewing


class MjpegResponse(Response):
    """Frames, one part after the other, until the client disconnects."""

    media_type = None

    def __init__(self, parts: Parts, device: str, request: ViewerRequest, admitted: Admitted) -> None:
        super().__init__()
        self.raw_headers = HEADERS
        self._parts = parts
        self._device = device
        self._request = request
        self._admitted = admitted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "HEAD":
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            await send({"type": "http.response.body", "body": b""})
        else:
            body = connection_of(scope).open_body(HEADERS, PREAMBLE)
            may = may_stay(self._parts, self._admitted, self._device)
            viewer = Viewer(body, pack_part, self._request, may, BEAT)
            with viewing(self._parts, self._device, viewer):
                await wait_for_disconnect(receive)
