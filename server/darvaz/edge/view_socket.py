"""The door for viewers over WebSocket: each frame is a binary packet, what the viewer wants is text."""

from __future__ import annotations

import json

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from darvaz.access import Admitted
from darvaz.edge.outlets import TaskOutlet
from darvaz.edge.problems import problem
from darvaz.edge.viewing import looking, may_stay, parse_query, parse_text, refuse_view
from darvaz.frames import Frame, Viewer, Wish
from darvaz.parts import Parts

_RETRY_S = 5.0
_GOODBYE_CODE = 1008


class ViewerDoor:
    """Lets viewers in, or says in the handshake why not; tells them when their camera comes and goes."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._open: dict[str, set[WebSocket]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket(scope, receive, send)
        admitted = self._refuse(websocket)
        if isinstance(admitted, str | Response):
            await websocket.send_denial_response(
                admitted if isinstance(admitted, Response) else problem(422, "invalid", admitted)
            )
            return
        await websocket.accept()
        await self._show(websocket, *admitted)

    def _refuse(self, websocket: WebSocket) -> Response | str | tuple[Admitted, Wish]:
        admitted = refuse_view(self._parts, websocket)
        if isinstance(admitted, Response):
            return admitted
        if self._parts.frames.viewers >= self._parts.settings.viewers_max:
            return problem(503, "too_many_viewers", "the gateway has all the viewers it may have", _RETRY_S)
        wish = parse_query(websocket.query_params)
        return wish if isinstance(wish, str) else (admitted, wish)

    async def _show(self, websocket: WebSocket, admitted: Admitted, wish: Wish) -> None:
        device = websocket.path_params["device"]
        outlet = TaskOutlet(websocket.send_bytes)
        viewer = Viewer(outlet, pack_plainly, wish, may_stay(self._parts, admitted))
        with looking(self._parts, device, viewer):
            if await outlet.run(self._listen(websocket, device, viewer)):
                await websocket.close(_GOODBYE_CODE)

    async def _listen(self, websocket: WebSocket, device: str, viewer: Viewer) -> None:
        try:
            while True:
                wish = parse_text(await websocket.receive_text())
                if isinstance(wish, str):
                    await websocket.send_text(json.dumps({"type": "error", "message": wish}))
                    continue
                self._parts.frames.want(device, viewer, wish)
        except (WebSocketDisconnect, KeyError):
            return


def pack_plainly(frame: Frame) -> bytes:
    """Returns a frame as it came."""
    return frame.data
