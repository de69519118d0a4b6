"""The caller of a request: what its scope says, in as few objects as thousands of links need."""

from __future__ import annotations

from typing import Any

import pytest

from darvaz.gateway.http.callers import caller_of


def scope(address: str | None, query_string: bytes = b"") -> dict[str, Any]:
    client = None if address is None else (address, 4711)
    return {"type": "websocket", "client": client, "headers": [(b"host", b"gateway")], "query_string": query_string}


def test_links_from_one_address_share_its_text() -> None:
    first, second = caller_of(scope("192.0.2." + str(7))), caller_of(scope("192.0.2." + str(7)))

    assert first.address == "192.0.2.7"
    assert first.address is second.address


@pytest.mark.parametrize(
    ("given", "address"),
    [("::ffff:192.0.2.7", "192.0.2.7"), ("2001:DB8:0::1", "2001:db8::1"), ("unknown", None), (None, None)],
)
def test_an_address_has_one_form_and_what_is_none_is_unknown(given: str | None, address: str | None) -> None:
    assert caller_of(scope(given)).address == address


@pytest.mark.parametrize(
    ("query_string", "has_token"), [(b"", False), (b"a=1", False), (b"token=x", True), (b"a=dvz%5Fx", True)]
)
def test_a_token_in_the_address_is_noticed(query_string: bytes, has_token: bool) -> None:
    assert caller_of(scope("192.0.2.7", query_string)).has_query_token is has_token
