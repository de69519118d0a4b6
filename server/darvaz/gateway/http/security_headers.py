"""Security headers of every response, against embedding, guessed content types and resources of other origins."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from darvaz.gateway.http.forwarded import IS_FRAMED

# 'self' in connect-src covers the WebSocket of the same host and port (CSP 3, 6.7.2.8).
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


# Home Assistant shows the gateway in a frame of its own page, which has the same origin.
_FRAMED = {
    **HEADERS,
    "Content-Security-Policy": CONTENT_SECURITY_POLICY.replace("frame-ancestors 'none'", "frame-ancestors 'self'"),
    "X-Frame-Options": "SAMEORIGIN",
}


RawHeaders = list[tuple[bytes, bytes]]


def _raw(headers: dict[str, str]) -> RawHeaders:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


# As they go on the wire: names in lower case, as those of responses.
_RAW, _RAW_FRAMED = _raw(HEADERS), _raw(_FRAMED)


def with_security(headers: RawHeaders, *, is_framed: bool = False) -> RawHeaders:
    """Returns the headers of a response with those that it does not set itself."""
    own = {name for name, _ in headers}
    return [*headers, *(header for header in (_RAW_FRAMED if is_framed else _RAW) if header[0] not in own)]


class SecurityHeaders:
    """Adds the headers that a response does not set itself; WebSockets are not changed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        is_framed = bool(scope.get(IS_FRAMED))

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = with_security(message.get("headers", []), is_framed=is_framed)
            await send(message)

        await self._app(scope, receive, send_safely)
