"""The WebSocket endpoints of devices: /ws/pico and /ws/esp32cam."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from darvaz.gateway.access import AskToken, Caller, Refused, redact
from darvaz.gateway.access.challenge import CHALLENGE_HEADER
from darvaz.gateway.access.networks import network_of
from darvaz.gateway.http.callers import caller_of
from darvaz.gateway.http.problems import problem
from darvaz.gateway.links.link import DeviceLink
from darvaz.gateway.links.shared import LinkContext
from darvaz.gateway.parts import Parts
from darvaz.gateway.websocket.handshake import Headers
from darvaz.gateway.websocket.interface import connection_of
from darvaz.protocol.codec import Kind

# Of all links, those that are not for clients without a token.
RESERVED_PART = 0.125
_BUSY_RETRY_S, _RESTART_RETRY_S = 10.0, 1.0
_PATH_CHARS_MAX = 64


def device_routes(parts: Parts) -> list[WebSocketRoute]:
    """Returns one route for each kind of board in the schema."""
    return [
        WebSocketRoute(kind.path, DeviceEndpoint(parts, kind), name=kind.name) for kind in parts.protocol.kinds.values()
    ]


class DeviceEndpoint:
    """Opens a link for each board of one kind, or denies the handshake with a problem."""

    def __init__(self, parts: Parts, kind: Kind) -> None:
        self._parts = parts
        self._kind = kind
        self._context = LinkContext(kind, parts)

    async def __call__(self, scope, receive, send) -> None:  # type: ignore[no-untyped-def]
        caller = caller_of(scope)
        decision = self._refuse_link(caller) or self._parts.access.admit_device(caller, self._kind.name)
        if isinstance(decision, AskToken):
            decision = self._refuse_stranger(caller) or decision
        if isinstance(decision, Refused):
            await self._deny(WebSocket(scope, receive, send), caller, decision)
            return
        headers: Headers = []
        if isinstance(decision, AskToken) and decision.header is not None:
            headers.append((CHALLENGE_HEADER.encode(), decision.header.encode()))
        link = DeviceLink(self._context, caller, decision, scope["scheme"])
        # The connection calls the link from now on, also after this has returned.
        connection = connection_of(scope)
        connection.accept(headers, None)
        link.open(connection)

    def _refuse_link(self, caller: Caller) -> Refused | None:
        counts, settings = self._parts.link_counts, self._parts.settings
        if self._parts.cluster.is_leaving:
            return Refused(503, "restarting", "the gateway is restarting: connect again soon", _RESTART_RETRY_S)
        if counts.total >= settings.links_max:
            return Refused(503, "too_many_links", "the limit of links is reached", _BUSY_RETRY_S)
        if counts.of(network_of(caller.address)) >= settings.links_per_address_max:
            return Refused(429, "too_many_links", "too many links from this address", _BUSY_RETRY_S)
        return None

    def _refuse_stranger(self, caller: Caller) -> Refused | None:
        """Keeps some links for boards with a valid token, and for networks from which one came before."""
        free = self._parts.settings.links_max - self._parts.link_counts.total
        is_known = network_of(caller.address) in self._parts.access.rules.known
        if is_known or free > self._parts.settings.links_max * RESERVED_PART:
            return None
        return Refused(503, "too_many_links", "the links that are left are for known boards", _BUSY_RETRY_S)

    async def _deny(self, websocket: WebSocket, caller: Caller, refused: Refused) -> None:
        self._parts.refusals.record(self._kind.name, caller.address, f"{refused.status} {refused.code}")
        self._parts.metrics.count_refused(refused.code, self._kind.name)
        await websocket.send_denial_response(
            problem(refused.status, refused.code, refused.message, refused.retry_after_s)
        )


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
