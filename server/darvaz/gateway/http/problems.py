"""Refusals and errors over HTTP, as problem details (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.responses import Response

PROBLEM_JSON = "application/problem+json"

_PATH_CHARS_MAX = 64
_NAME_CHARS_MAX = 64
_METHOD_CHARS_MAX = 16


class Problem(msgspec.Struct, kw_only=True):
    """What was wrong, and what to do about it."""

    type: str = "about:blank"
    title: str
    status: int
    code: Annotated[str, Meta(description="A short stable word.")]
    detail: Annotated[str, Meta(description="A sentence for people.")]


def problem(
    status: int,
    code: str,
    detail: str,
    retry_after_s: float | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Returns a response that says what was wrong and, in `detail`, what to do about it."""
    more = {"Cache-Control": "no-store", **(headers or {})}
    if retry_after_s is not None:
        more["Retry-After"] = str(max(1, round(retry_after_s)))
    if status == 401:
        more["WWW-Authenticate"] = "Bearer"
    body = Problem(title=HTTPStatus(status).phrase, status=status, code=code, detail=detail)
    return Response(msgspec.json.encode(body), status, headers=more, media_type=PROBLEM_JSON)


def unknown_device(device: str) -> Response:
    """Returns the problem of a device id that the gateway has never seen."""
    return problem(404, "unknown_device", f"unknown device {device[:_NAME_CHARS_MAX]!r}; see GET /api/devices")


def internal_error() -> Response:
    """Returns the problem of a mistake of the gateway."""
    return problem(500, "internal", "internal error; the log of the gateway says more")


def redirect(relative: str) -> Response:
    """Returns a redirect to a relative address: the host that a request names may be any."""
    return Response(status_code=308, headers={"Location": relative, "Cache-Control": "no-store"})


def unanswered(status: int, method: str, path: str, headers: Mapping[str, str] | None = None) -> Response:
    """Returns the problem of a path or method without a route, and names what is allowed."""
    where, allowed = repr(path[:_PATH_CHARS_MAX]), (headers or {}).get("Allow", "")
    if status == HTTPStatus.NOT_FOUND:
        return problem(404, "not_found", f"nothing found at {where}; /api/docs lists all paths")
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        detail = f"method {method[:_METHOD_CHARS_MAX]} is not allowed for {where}; allowed: {allowed}"
        return problem(405, "method_not_allowed", detail, headers=headers)
    return problem(status, "http", f"{where}: {HTTPStatus(status).phrase}", headers=headers)
