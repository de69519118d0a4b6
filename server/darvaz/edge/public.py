"""The pages that anyone may ask for: tokens to enrol with, health, the protocol's documents."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from darvaz import __version__
from darvaz.access import Refused
from darvaz.asyncapi import build_asyncapi
from darvaz.edge.callers import caller_of
from darvaz.edge.problems import problem
from darvaz.parts import Parts

_NO_STORE = {"Cache-Control": "no-store"}


def public_routes(parts: Parts) -> list[Route]:
    """Returns the public routes."""
    asyncapi = build_asyncapi(parts.protocol.document)

    async def tokens(request: Request) -> Response:
        """Mints one fresh token a kind, in the guide's shape, where the policy allows it."""
        caller = caller_of(request.scope)
        answer = parts.access.public_tokens(caller)
        if isinstance(answer, Refused):
            parts.journal.record(None, None, caller.address or "", "=", "refused", f"tokens: {answer.status}")
            return problem(answer.status, answer.code, answer.message, answer.retry_after_s, _NO_STORE)
        parts.journal.record(None, None, caller.address or "", "=", "tokens issued", "")
        return JSONResponse(answer, headers=_NO_STORE)

    async def health(request: Request) -> Response:
        """Says whether the gateway does all it should; 503 while it cannot write its journal."""
        state = parts.journal.state
        body = {"status": "ok" if state == "ok" else "degraded", "version": __version__, "journal": state}
        return JSONResponse(body, 200 if state == "ok" else 503, headers=_NO_STORE)

    async def protocol_document(request: Request) -> Response:
        return JSONResponse(parts.protocol.document)

    async def asyncapi_document(request: Request) -> Response:
        return JSONResponse(asyncapi)

    async def board_path(request: Request) -> Response:
        """Answers whoever opens a board's path as a page."""
        said = f"{request.url.path} is for boards: connect to it by WebSocket, at ws://…{request.url.path}"
        return problem(426, "upgrade_required", said, headers={"Upgrade": "websocket"})

    return [
        *(Route(kind.path, board_path) for kind in parts.protocol.kinds.values()),
        Route("/public/tokens", tokens),
        Route("/health", health),
        Route("/protocol.json", protocol_document),
        Route("/asyncapi.json", asyncapi_document),
    ]
