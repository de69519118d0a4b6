"""The caller of a request, read from its ASGI scope."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import replace
from typing import Any

from darvaz.gateway.access import Caller
from darvaz.gateway.access.origins import parse_address
from darvaz.gateway.http.forwarded import IS_INGRESS


def caller_of(scope: MutableMapping[str, Any]) -> Caller:
    """Returns the caller of a request or a WebSocket handshake."""
    client = scope.get("client")
    # It may not be an address: a trusted proxy passes on an X-Forwarded-For that its client made up.
    address = parse_address(client[0]) if client else None
    caller = Caller.from_headers(str(address) if address else None, scope["headers"], scope.get("query_string", b""))
    return replace(caller, is_of_home_assistant=True) if scope.get(IS_INGRESS) else caller
