"""The documents of the API: OpenAPI for programs, a page for people."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import Any

import msgspec
from starlette.responses import Response

from darvaz.gateway.api.docs_page import build_docs_page
from darvaz.gateway.api.openapi import build_openapi
from darvaz.gateway.api.operations import Call, Operation
from darvaz.gateway.http.forwarded import base_path_of
from darvaz.gateway.http.json_answers import JSON, NO_STORE

# One for each path below which proxies show the gateway.
DOCUMENTS_KEPT_MAX = 4

_TAG = "Public"


def document_operations(others: list[Operation]) -> list[Operation]:
    """Returns the operations that return the documents; these describe `others` and themselves."""

    # In a thread, since each takes about 10 ms.
    @lru_cache(DOCUMENTS_KEPT_MAX)
    def document(cookie_name: str, base_path: str) -> bytes:
        return msgspec.json.encode(build_openapi(described, cookie_name, base_path))

    @lru_cache(DOCUMENTS_KEPT_MAX)
    def page(cookie_name: str) -> str:
        return build_docs_page(build_openapi(described, cookie_name, ""))

    async def read_openapi(call: Call) -> Response:
        """Returns this document."""
        base_path = base_path_of(call.scope)
        shown = await asyncio.to_thread(document, call.parts.operators.cookie_name, base_path)
        return Response(shown, headers=NO_STORE, media_type=JSON)

    async def read_docs(call: Call) -> Response:
        """Shows this document as a page."""
        shown = await asyncio.to_thread(page, call.parts.operators.cookie_name)
        return Response(shown, media_type="text/html", headers={"Cache-Control": "no-cache"})

    own = [
        Operation(
            method="GET", path="/openapi.json", tag=_TAG, handle=read_openapi, need=None, answer=dict[str, Any]
        ),
        Operation(
            method="GET", path="/api/docs", tag=_TAG, handle=read_docs, need=None, answer=str, media=("text/html",)
        ),
    ]  # fmt: skip
    described = [*others, *own]
    return own
