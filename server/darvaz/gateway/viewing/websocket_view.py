"""Viewers over WebSocket: each frame is a binary packet, and the viewer's requests are text packets."""

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
    REQUEST_BYTES_MAX,
    may_stay,
    parse_query,
    parse_text,
    refuse_device,
    refuse_over_limit,
)
from darvaz.gateway.websocket.allowance import PacketAllowance
from darvaz.gateway.websocket.interface import PacketConnection, connection_of
from darvaz.gateway.websocket.packets import Opcode, dump_binary, dump_packet, dump_text

# Of one viewer, averaged over two seconds; moving a slider sends a request for each step.
PACKETS_PER_S_MAX = 100
_TOO_FAST = 1008
_BEAT = dump_packet(Opcode.PING, b"")


def view_routes(parts: Parts) -> list[BaseRoute]:
    """Returns the route of viewers over WebSocket."""
    return [WebSocketRoute("/ws/view/{device}", ViewerEndpoint(parts))]


class ViewerEndpoint:
    """Opens a viewer for each WebSocket, or denies the handshake with a problem."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket(scope, receive, send)
        decision = await self._decide(websocket)
        if isinstance(decision, Response):
            await websocket.send_denial_response(decision)
            return
        admitted, request = decision
        await websocket.accept()
        viewer = WebSocketViewer(self._parts, self._device(websocket), request, admitted)
        # The connection calls the viewer from now on, also after this has returned.
        viewer.open(connection_of(scope))

    def _device(self, websocket: WebSocket) -> str:
        return self._parts.protocol.device_ids.find(websocket.path_params["device"])

    async def _decide(self, websocket: WebSocket) -> Response | tuple[Admitted, ViewerRequest]:
        device = self._device(websocket)
        caller = caller_of(websocket.scope)
        admitted = await authorize_viewer(
            self._parts, websocket.scope, caller, websocket.query_params, device, "GET /ws/view/{device}"
        )
        if isinstance(admitted, Response):
            return admitted
        refused = refuse_device(self._parts, device) or refuse_over_limit(self._parts)
        if refused is not None:
            return refused
        request = parse_query(websocket.query_params)
        return problem(422, "invalid", request) if isinstance(request, str) else (admitted, request)


class WebSocketViewer:
    """One viewer: the listener of its connection, and the sender of its frames."""

    def __init__(self, parts: Parts, device: str, request: ViewerRequest, admitted: Admitted) -> None:
        self._parts = parts
        self._device = device
        # The first request, from the query; text packets replace it.
        self._request = request
        self._admitted = admitted
        self._allowance = PacketAllowance(PACKETS_PER_S_MAX, time.monotonic())
        # Set by `open`, with the two methods of it that are called for each frame.
        self._connection: PacketConnection
        self.write: Callable[[bytes], None]
        self.buffered_bytes: Callable[[], int]
        # None before `open` and after the end.
        self._viewer: Viewer | None = None

    def open(self, connection: PacketConnection) -> None:
        """Shows the camera until the connection ends: the newest frame at once, then each new one."""
        self._connection = connection
        self.write = connection.write_now
        self.buffered_bytes = connection.unsent_bytes
        may = may_stay(self._parts, self._admitted, self._device)
        viewer = self._viewer = Viewer(self, pack_packet, self._request, may, _BEAT)
        self._parts.frames.join(self._device, viewer)
        connection.keep_alive()
        connection.limit(REQUEST_BYTES_MAX, REQUEST_BYTES_MAX)
        connection.attach(self)
        newest = self._parts.frames.camera(self._device).newest
        if newest is not None and self._viewer is not None:
            viewer.offer(newest, time.monotonic())

    # Called by the camera

    def abort(self, reason: str) -> None:
        self._connection.abort(reason)

    # Called by the connection

    def receive_packets(self, packets: list[str | bytes]) -> None:
        """Takes viewer requests, of which the last counts; answers an invalid one with the rule it breaks."""
        if not self._may_send(len(packets)):
            return
        for packet in packets:
            request = parse_text(packet) if isinstance(packet, str) else "a viewer sends text"
            if isinstance(request, str):
                self._connection.write(dump_text(json.dumps({"type": "error", "message": request})))
            elif self._viewer is not None:
                self._parts.frames.change_request(self._device, self._viewer, request)

    def receive_overhead(self, packets: int) -> None:
        """Counts pings and pongs like requests."""
        self._may_send(packets)

    def receive_oversized(self, is_text: bool) -> None:
        """Does nothing: the connection closes with 1009 by itself."""

    def stop(self) -> None:
        """Does nothing: the connection closes with 1012 by itself."""

    def end(self, code: int, reason: str) -> None:
        """Removes the viewer from the camera."""
        viewer, self._viewer = self._viewer, None
        if viewer is not None:
            self._parts.frames.leave(self._device, viewer)

    def _may_send(self, packets: int) -> bool:
        """Counts packets; closes the connection if there are too many."""
        if self._allowance.take(packets, time.monotonic()):
            return True
        self._connection.close(_TOO_FAST, f"more than {PACKETS_PER_S_MAX} packets a second")
        return False


def pack_packet(frame: Frame) -> bytes:
    """Returns a frame as one WebSocket packet."""
    return dump_binary(frame.data)
