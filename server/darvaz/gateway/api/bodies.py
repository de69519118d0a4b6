"""Bodies of requests: JSON, within a size and a time, decoded and checked."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from darvaz.gateway.api.validation import describe_error
from darvaz.gateway.http.json_answers import JSON
from darvaz.gateway.http.problems import problem

BODY_BYTES_MAX = 16_384
BODY_DEADLINE_S = 15.0


async def read_body(request: Request, decoder: msgspec.json.Decoder[Any], is_optional: bool, bytes_max: int) -> Any:
    """Returns the body of a request, or the problem that it has."""
    refused = refuse_media(request.headers.get("content-type"))
    if refused is not None:
        return refused
    body = await _receive(request, bytes_max)
    return body if isinstance(body, Response) else decode_body(body, decoder, is_optional, bytes_max)


def refuse_media(content_type: str | None) -> Response | None:
    """Returns the problem of a body that is not JSON; one of no type may be."""
    is_json = content_type is None or content_type.partition(";")[0].strip().lower() == JSON
    return None if is_json else problem(415, "not_json", f"the body must be {JSON}")


def decode_body(body: bytes, decoder: msgspec.json.Decoder[Any], is_optional: bool, bytes_max: int) -> Any:
    """Returns what a body says, or the problem that it has."""
    if len(body) > bytes_max:
        return _too_large(bytes_max)
    try:
        return decoder.decode(body if body or not is_optional else b"{}")
    except msgspec.ValidationError as error:
        if body.lstrip()[:1] == b"{":
            return problem(422, "invalid", describe_error(str(error), decoder.type))
        return problem(400, "not_json", "the body must be one JSON object")
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return problem(400, "not_json", "the body must be one JSON object")


def gone() -> Response:
    """Returns what is said of a caller that has left; nobody reads it."""
    return problem(400, "gone", "the request ended early")


async def _receive(request: Request, bytes_max: int) -> bytes | Response:
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_DEADLINE_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > bytes_max:
                    return _too_large(bytes_max)
    except ClientDisconnect:
        return gone()
    except TimeoutError:
        return problem(408, "too_slow", f"the body must arrive within {BODY_DEADLINE_S:g} s")
    return bytes(body)


def _too_large(bytes_max: int) -> Response:
    return problem(413, "too_large", f"the body must be at most {bytes_max} bytes")
