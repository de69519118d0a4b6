"""The WebSocket endpoints of devices: /ws/pico and /ws/esp32cam."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from darvaz.gateway.access import Refused, redact
from darvaz.gateway.http.callers import caller_of
from darvaz.gateway.http.problems import problem
from darvaz.gateway.links.opening import LinkOpener
from darvaz.gateway.parts import Parts
from darvaz.gateway.websocket.interface import connection_of
from darvaz.protocol.codec import Kind

_PATH_CHARS_MAX = 64


def device_routes(parts: Parts) -> list[WebSocketRoute]:
    """Returns one route for each kind of board in the schema."""
    return [
        WebSocketRoute(kind.path, DeviceEndpoint(parts, kind), name=kind.name) for kind in parts.protocol.kinds.values()
    ]


class DeviceEndpoint:
    """Opens a link for each board of one kind, or denies the handshake with a problem."""

    def __init__(self, parts: Parts, kind: Kind) -> None:
        self._opener = LinkOpener(parts, kind)

    async def __call__(self, scope, receive, send) -> None:  # type: ignore[no-untyped-def]
        caller = caller_of(scope)
        decision = self._opener.decide(caller)
        if isinstance(decision, Refused):
            answer = problem(decision.status, decision.code, decision.message, decision.retry_after_s)
            await WebSocket(scope, receive, send).send_denial_response(answer)
        else:
            self._opener.open(connection_of(scope), caller, decision, scope["scheme"])


class UnknownPath:
    """Denies a WebSocket at a path that is not quite right, and says where boards connect."""

    def __init__(self, parts: Parts, otherwise: ASGIApp) -> None:
        self._parts = parts
        # Answers requests other than WebSockets.
        self._otherwise = otherwise
        self._paths = " or ".join(kind.path for kind in parts.protocol.kinds.values())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self._otherwise(scope, receive, send)
            return
        caller = caller_of(scope)
        path = redact(scope["path"])[:_PATH_CHARS_MAX]
        self._parts.refusals.record(None, caller.address, f"WebSocket {path!r}: 404 not_found")
        self._parts.metrics.count_refused("not_found")
        detail = f"no WebSocket at {path!r}: boards connect to {self._paths}"
        await WebSocket(scope, receive, send).send_denial_response(problem(404, "not_found", detail))


class DeviceRoutes:
    """Middleware that passes devices straight to their endpoints: Starlette would try one route after another."""

    def __init__(self, app: ASGIApp, routes: Sequence[WebSocketRoute]) -> None:
        self._app = app
        self._endpoints = {route.path: route.endpoint for route in routes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_device = scope["type"] == "websocket" and scope["path"] in self._endpoints
        await (self._endpoints[scope["path"]] if is_device else self._app)(scope, receive, send)
