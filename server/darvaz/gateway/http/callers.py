"""The caller of a request, read from its ASGI scope."""

from __future__ import annotations

import functools
from collections.abc import Iterable, MutableMapping
from typing import Any

from msgspec.structs import replace

from darvaz.gateway.access import Caller
from darvaz.gateway.access.origins import ADDRESSES_KNOWN_MAX, parse_address
from darvaz.gateway.http.forwarded import IS_INGRESS


def caller_of(scope: MutableMapping[str, Any]) -> Caller:
    """Returns the caller of a request or a WebSocket handshake."""
    client = scope.get("client")
    caller = read_caller(client[0] if client else None, scope["headers"], scope.get("query_string", b""))
    return replace(caller, is_of_home_assistant=True) if scope.get(IS_INGRESS) else caller


def read_caller(peer: str | None, headers: Iterable[tuple[bytes, bytes]], query_string: bytes) -> Caller:
    """Returns the caller at the address of a peer, None if unknown, with these headers."""
    return Caller.from_headers(None if peer is None else _address_of(peer), headers, query_string)


@functools.lru_cache(maxsize=ADDRESSES_KNOWN_MAX)
def _address_of(text: str) -> str | None:
    """Returns an address in its one form, the same object for all boards behind it.

    It may be none: a trusted proxy passes on an X-Forwarded-For that its client made up.
    """
    address = parse_address(text)
    return None if address is None else str(address)
