"""The door for viewers over WebSocket: each frame is a binary packet, what the viewer wants is text."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from starlette.responses import Response
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from darvaz.gateway.access import Admitted
from darvaz.gateway.frames import Frame, Viewer, ViewerRequest
from darvaz.gateway.http.authorization import authorize_viewer
from darvaz.gateway.http.callers import caller_of
from darvaz.gateway.http.problems import problem
from darvaz.gateway.parts import Parts
from darvaz.gateway.viewing.requests import (
    WISH_BYTES_MAX,
    may_stay,
    parse_query,
    parse_text,
    refuse_crowd,
    refuse_device,
)
from darvaz.gateway.websocket.interface import PacketConnection, connection_of
from darvaz.gateway.websocket.packets import dump_binary, dump_text


def view_routes(parts: Parts) -> list[BaseRoute]:
    """Returns the route of viewers that speak WebSocket."""
    return [WebSocketRoute("/ws/view/{device}", ViewerEndpoint(parts))]


class ViewerEndpoint:
    """Lets viewers in, or says in the handshake why not."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket(scope, receive, send)
        decision = self._decide(websocket)
        if isinstance(decision, Response):
            await websocket.send_denial_response(decision)
            return
        admitted, wish = decision
        await websocket.accept()
        viewer = WebSocketViewer(self._parts, websocket.path_params["device"], wish, admitted)
        # It lives on when this has returned.
        viewer.open(connection_of(scope))

    def _decide(self, websocket: WebSocket) -> Response | tuple[Admitted, ViewerRequest]:
        device = websocket.path_params["device"]
        caller = caller_of(websocket.scope)
        admitted = authorize_viewer(self._parts, caller, websocket.query_params, device, "GET /ws/view/{device}")
        if isinstance(admitted, Response):
            return admitted
        refused = refuse_device(self._parts, device) or refuse_crowd(self._parts)
        if refused is not None:
            return refused
        wish = parse_query(websocket.query_params)
        return problem(422, "invalid", wish) if isinstance(wish, str) else (admitted, wish)


class WebSocketViewer:
    """One viewer: it listens to its wire for wishes, and is the outlet of its frames."""

    def __init__(self, parts: Parts, device: str, wish: ViewerRequest, admitted: Admitted) -> None:
        self._parts = parts
        self._device = device
        self._wish = wish
        self._admitted = admitted
        self._wire: PacketConnection
        self._viewer: Viewer | None = None
        self.write: Callable[[bytes], None]
        self.buffered_bytes: Callable[[], int]

    def open(self, wire: PacketConnection) -> None:
        """Shows the camera on a wire, until it ends: what there is at once, then each frame that comes."""
        self._wire = wire
        self.write = wire.write_now
        self.buffered_bytes = wire.unsent_bytes
        viewer = self._viewer = Viewer(self, pack_packet, self._wish, may_stay(self._parts, self._admitted))
        self._parts.frames.join(self._device, viewer)
        wire.limit(WISH_BYTES_MAX, WISH_BYTES_MAX)
        wire.attach(self)
        newest = self._parts.frames.camera(self._device).newest
        if newest is not None and self._viewer is not None:
            viewer.offer(newest, time.monotonic())

    # The outlet

    def abort(self, reason: str) -> None:
        self._wire.abort(reason)

    # The listener

    def receive_packets(self, packets: list[str | bytes]) -> None:
        """Takes wishes, and explains what is none; the last of them counts."""
        for packet in packets:
            wish = parse_text(packet) if isinstance(packet, str) else "a viewer sends text"
            if isinstance(wish, str):
                self._wire.write(dump_text(json.dumps({"type": "error", "message": wish})))
            elif self._viewer is not None:
                self._parts.frames.want(self._device, self._viewer, wish)

    def receive_oversized(self, is_text: bool) -> None:
        """The wire closes with 1009 by itself."""

    def stop(self) -> None:
        """The wire says 1012 by itself."""

    def end(self, code: int, reason: str) -> None:
        """Lets the viewer go."""
        viewer, self._viewer = self._viewer, None
        if viewer is not None:
            self._parts.frames.leave(self._device, viewer)


def pack_packet(frame: Frame) -> bytes:
    """Returns a frame as one WebSocket packet."""
    return dump_binary(frame.data)
