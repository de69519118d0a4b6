"""Refusals and errors over HTTP, as problem details (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import JSONResponse


def problem(
    status: int,
    code: str,
    detail: str,
    retry_after_s: float | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Returns a response that says what was wrong and, in `detail`, what to do about it."""
    more = {"Cache-Control": "no-store", **(headers or {})}
    if retry_after_s is not None:
        more["Retry-After"] = str(max(1, round(retry_after_s)))
    if status == 401:
        more["WWW-Authenticate"] = "Bearer"
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }
    return JSONResponse(body, status, headers=more, media_type="application/problem+json")
