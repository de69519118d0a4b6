"""Who is calling, read from an ASGI scope for the access room."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from darvaz.access import Caller


def caller_of(scope: MutableMapping[str, Any]) -> Caller:
    """Returns the caller of a request or a WebSocket handshake."""
    client = scope.get("client")
    return Caller.from_headers(client[0] if client else None, scope["headers"], scope.get("query_string", b""))
