"""A caller is read from headers alike whether or not a request with the same names came before."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from darvaz.gateway.access.caller import NAMES_KNOWN_MAX, Caller, _read_names, joined_headers
from darvaz.gateway.access.challenge import TOKEN_HEADER
from tests.support.examples import examples

NAMES = [b"host", b"Host", b"origin", b"authorization", b"cookie", b"darvaz-token", b"sec-fetch-site", b"User-Agent"]
OTHERS = [b"accept", b"accept-language", b"via", b"X-Forwarded-For", b"x-forwarded-host", b"sec-fetch-mode", b"x\xff"]
VALUES = [b"", b"a", b" b ", b"cross-site", b"Mozilla/5.0", b"null", b"\xe9"]
HEADERS = st.lists(st.tuples(st.sampled_from(NAMES + OTHERS), st.sampled_from(VALUES)), max_size=8)


@examples(200)
@given(HEADERS)
def test_every_header_counts_as_often_as_it_comes(headers: list[tuple[bytes, bytes]]) -> None:
    fields = joined_headers(headers)

    caller = Caller.from_headers("192.0.2.7", iter(headers), b"")

    found = (caller.host, caller.origin, caller.authorization, caller.cookie, caller.named_token)
    assert found == tuple(map(fields.get, ("host", "origin", "authorization", "cookie", TOKEN_HEADER)))
    assert caller.is_cross_site == (fields.get("sec-fetch-site") == "cross-site")
    assert caller.is_forwarded == bool({"via", "x-forwarded-for", "x-forwarded-host"} & fields.keys())
    agent = fields.get("user-agent", "")
    of_browsers = {"origin", "accept-language", "sec-fetch-site", "sec-fetch-mode"}
    assert caller.has_browser_headers == (agent.startswith("Mozilla/") or bool(of_browsers & fields.keys()))


def test_one_list_of_names_beyond_the_maximum_replaces_another() -> None:
    _read_names.cache_clear()

    for number in range(NAMES_KNOWN_MAX + 1):
        Caller.from_headers(None, [(b"x-%d" % number, b"")], b"")

    assert _read_names.cache_info().currsize == NAMES_KNOWN_MAX
