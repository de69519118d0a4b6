"""The API for people and programs: who is here, and what a device is asked to do."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from darvaz.access import Refused
from darvaz.edge.callers import caller_of
from darvaz.edge.problems import problem
from darvaz.hub import CommandError
from darvaz.parts import Parts

BODY_BYTES_MAX = 16_384
_BODY_DEADLINE_S = 10.0


def api_routes(parts: Parts) -> list[Route]:
    """Returns the routes below /api, all under the operator rules."""

    async def devices(request: Request) -> Response:
        """Lists every device ever seen."""
        refused = _refuse(request, parts, state_changing=False)
        return refused or JSONResponse({"devices": parts.hub.listing()})

    async def command(request: Request) -> Response:
        """Sends a command and answers with its ack's result."""
        refused = _refuse(request, parts, state_changing=True)
        if refused:
            return refused
        args = await _read_args(request)
        if isinstance(args, Response):
            return args
        device, name = request.path_params["device"], request.path_params["name"]
        try:
            result = await parts.hub.command(device, name, args, parts.settings.command_deadline_s)
        except CommandError as error:
            return problem(error.status, error.code, str(error))
        return JSONResponse({"status": "ok", "result": result})

    return [
        Route("/api/devices", devices),
        Route("/api/devices/{device}/commands/{name}", command, methods=["POST"]),
    ]


def _refuse(request: Request, parts: Parts, *, state_changing: bool) -> Response | None:
    decision = parts.access.operator(caller_of(request.scope), state_changing)
    if not isinstance(decision, Refused):
        return None
    return problem(decision.status, decision.code, decision.message, decision.retry_after_s)


async def _read_args(request: Request) -> dict[str, Any] | Response:
    """Returns the arguments in the body; no body is no arguments."""
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_DEADLINE_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > BODY_BYTES_MAX:
                    return problem(413, "too_large", f"a command's arguments are at most {BODY_BYTES_MAX} bytes")
        return msgspec.json.decode(body, type=dict[str, Any]) if body else {}
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return problem(400, "not_json", "the body is one JSON object: argument names and values")
    except TimeoutError:
        return problem(408, "too_slow", f"the body did not come within {_BODY_DEADLINE_S:g} s")
    except ClientDisconnect:
        return problem(400, "gone", "the request ended early")
