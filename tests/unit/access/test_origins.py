"""Callers: their headers, the localhost rule, host names and origins, each rule from both sides."""

from __future__ import annotations

from typing import Any

import pytest

from darvaz.gateway.access import Caller
from darvaz.gateway.access.origins import is_host_allowed, is_loopback, is_origin_allowed, is_trusted_localhost


def caller(address: str | None = "127.0.0.1", query: bytes = b"", **headers: Any) -> Caller:
    """Returns the caller of a request with these headers; `x_real_ip` stands for X-Real-Ip."""
    raw = [(name.replace("_", "-").title().encode(), value.encode("latin-1")) for name, value in headers.items()]
    return Caller.from_headers(address, raw, query)


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("127.0.0.1", "127.0.0.1:3000"),
        ("127.0.0.1", "127.0.0.1"),
        ("127.8.9.1", "127.0.0.2:3000"),
        ("127.0.0.1", "localhost:3000"),
        ("127.0.0.1", "LocalHost"),
        ("::1", "[::1]:3000"),
        ("::1", "[::1]"),
        ("::1", "localhost"),
        ("::ffff:127.0.0.1", "127.0.0.1:3000"),
        ("::ffff:127.0.0.1", "[::ffff:127.0.0.1]:3000"),
    ],
)
def test_a_program_on_this_machine_is_trusted(address: str, host: str) -> None:
    assert is_trusted_localhost(caller(address, host=host), enabled=True)


@pytest.mark.parametrize(
    ("address", "host"),
    [
        (None, "localhost"),
        ("", "localhost"),
        ("localhost", "localhost"),
        ("testclient", "localhost"),
        ("192.168.1.7", "localhost"),
        ("10.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("fe80::1", "[::1]"),
        ("::ffff:192.168.1.7", "127.0.0.1"),
        ("127.0.0.1", "192.168.1.7:3000"),
        ("127.0.0.1", "attacker.example:3000"),
        ("127.0.0.1", "localhost.attacker.example"),
        ("127.0.0.1", "127.0.0.1.attacker.example"),
        ("127.0.0.1", "gateway.local"),
        ("127.0.0.1", "localhost:port"),
        ("127.0.0.1", "localhost:"),
        ("127.0.0.1", "localhost:123456"),
        ("127.0.0.1", "::1"),
        ("127.0.0.1", "[127.0.0.1]"),
        ("127.0.0.1", "[::1"),
        ("127.0.0.1", "[::1]3000"),
        ("127.0.0.1", "user@localhost"),
        ("127.0.0.1", "localhost, localhost"),
        ("127.0.0.1", ""),
    ],
)
def test_another_address_or_name_is_not_localhost(address: str | None, host: str) -> None:
    assert not is_trusted_localhost(caller(address, host=host), enabled=True)


@pytest.mark.parametrize(
    "header", ["forwarded", "x_forwarded_for", "x_forwarded_host", "x_forwarded_proto", "x_forwarded_x", "x_real_ip"]
)
@pytest.mark.parametrize("value", ["127.0.0.1", ""])
def test_what_a_proxy_forwards_is_not_localhost(header: str, value: str) -> None:
    headers: dict[str, Any] = {header: value}

    forwarded = caller(host="localhost:3000", **headers)

    assert forwarded.is_forwarded
    assert not is_trusted_localhost(forwarded, enabled=True)


def test_a_request_without_host_is_not_localhost() -> None:
    assert not is_trusted_localhost(caller(), enabled=True)


def test_a_repeated_host_is_not_localhost() -> None:
    twice = Caller.from_headers("127.0.0.1", [(b"host", b"localhost"), (b"host", b"attacker.example")], b"")

    assert not is_trusted_localhost(twice, enabled=True)


def test_nobody_is_localhost_when_the_setting_is_off() -> None:
    assert not is_trusted_localhost(caller(host="localhost"), enabled=False)


@pytest.mark.parametrize(
    ("origin", "is_trusted"),
    [
        ("http://localhost:3000", True),
        ("HTTP://LOCALHOST:3000", True),
        ("http://localhost:8080", False),
        ("http://localhost", False),
        ("http://127.0.0.1:3000", False),
        ("https://attacker.example", False),
        ("null", False),
        ("", False),
    ],
)
def test_a_page_on_this_machine_is_localhost_only_if_it_is_ours(origin: str, is_trusted: bool) -> None:
    page = caller(host="localhost:3000", origin=origin)

    assert is_trusted_localhost(page, enabled=True) == is_trusted


@pytest.mark.parametrize(
    ("host", "is_allowed"),
    [
        ("192.168.1.7:3000", True),
        ("[fe80::1]:3000", True),
        ("localhost:3000", True),
        ("gateway.local", True),
        ("Gateway.Local:3000", True),
        ("gateway.local.:3000", True),
        ("raspberrypi", True),
        ("raspberrypi:3000", True),
        ("raspberrypi.", True),
        ("raspberrypi.lan", True),
        ("raspberrypi.home.arpa:3000", True),
        ("gateway.internal", True),
        ("gateway.home", True),
        ("panel.example.", True),
        ("panel.example", True),
        ("PANEL.example:8443", True),
        ("one-port.example:3000", True),
        ("one-port.example:3001", False),
        ("one-port.example", False),
        ("evil.panel.example", False),
        ("attacker.example", False),
        ("gateway.local.attacker.example", False),
        ("local", False),
        ("lan.", False),
        ("arpa.home.attacker.example", False),
        ("gateway..", False),
        ("gatewaylan.example", False),
        ("fritz.box", False),
        (".local", False),
        ("192.168.1", False),
        ("", False),
        (None, False),
    ],
)
def test_the_gateway_accepts_only_its_own_host_names(host: str | None, is_allowed: bool) -> None:
    assert is_host_allowed(host, ("Panel.example", "one-port.example:3000")) == is_allowed


@pytest.mark.parametrize(
    ("origin", "host", "is_allowed"),
    [
        (None, "192.168.1.7:3000", True),
        (None, None, True),
        ("http://192.168.1.7:3000", "192.168.1.7:3000", True),
        ("https://gateway.local", "gateway.local", True),
        ("https://gateway.local", "gateway.local:443", True),
        ("http://gateway.local:80", "gateway.local", True),
        ("http://[fe80::1]:3000", "[fe80::1]:3000", True),
        ("https://panel.example", "192.168.1.7:3000", True),
        ("https://panel.example.attacker.example", "192.168.1.7:3000", False),
        ("http://panel.example", "192.168.1.7:3000", False),
        ("http://192.168.1.7:3001", "192.168.1.7:3000", False),
        ("https://gateway.local", "gateway.local:80", False),
        ("http://gateway.local/path", "gateway.local", False),
        ("http://user@gateway.local", "gateway.local", False),
        ("gateway.local", "gateway.local", False),
        ("file://", "gateway.local", False),
        ("chrome-extension://gateway.local", "gateway.local", False),
        ("http://gateway.local", None, False),
        ("null", "192.168.1.7:3000", False),
    ],
)
def test_only_own_and_listed_origins_are_allowed(origin: str | None, host: str | None, is_allowed: bool) -> None:
    assert is_origin_allowed(origin, host, ("https://Panel.example/",)) == is_allowed


def test_null_is_not_an_allowed_origin_even_if_listed() -> None:
    assert not is_origin_allowed("null", "localhost", ("null",))


def test_an_address_is_loopback_or_not() -> None:
    assert is_loopback("127.255.255.254")
    assert not is_loopback("128.0.0.1")


@pytest.mark.parametrize(
    ("query", "has_token"),
    [
        (b"token=abc", True),
        (b"a=1&Token=abc", True),
        (b"access_token=", True),
        (b"%74oken=abc", True),
        (b"authorization=Bearer+x", True),
        (b"x=dvz_abc_def", True),
        (b"", False),
        (b"tokens=all", False),
        (b"since=5&type=connect", False),
        (b"\xff\xfe=%zz", False),
    ],
)
def test_a_token_in_the_url_is_noticed(query: bytes, has_token: bool) -> None:
    assert caller(query=query).has_query_token == has_token


@pytest.mark.parametrize(
    ("headers", "is_browser"),
    [
        ({"origin": "http://localhost"}, True),
        ({"sec_fetch_mode": "navigate"}, True),
        ({"accept_language": "fa"}, True),
        ({"user_agent": "Mozilla/5.0 (X11)"}, True),
        ({"user_agent": "curl/8.5.0", "accept": "*/*"}, False),
        ({"user_agent": "python-requests/2.32", "accept_encoding": "gzip"}, False),
        ({}, False),
    ],
)
def test_a_browser_is_recognised_by_its_headers(headers: dict[str, Any], is_browser: bool) -> None:
    assert caller(**headers).has_browser_headers == is_browser


@pytest.mark.parametrize(
    ("site", "is_cross_site"),
    [("cross-site", True), ("same-site", True), ("same-origin", False), ("none", False)],
)
def test_a_request_that_another_site_caused_is_noticed(site: str, is_cross_site: bool) -> None:
    assert caller(sec_fetch_site=site).is_cross_site == is_cross_site


@pytest.mark.parametrize(
    ("origin", "host", "is_allowed"),
    [
        ("http://gateway.example:4110", "gateway.example", True),
        ("https://gateway.example", "gateway.example", True),
        ("http://gateway.example:4110", "gateway.example:4111", False),
        ("http://evil.example:4110", "gateway.example", False),
        ("null", "gateway.example", False),
    ],
)
def test_behind_a_proxy_that_leaves_the_port_out_the_names_are_compared(
    origin: str, host: str, is_allowed: bool
) -> None:
    assert is_origin_allowed(origin, host, (), is_behind_proxy=True) is is_allowed


def test_without_a_proxy_a_page_of_another_port_is_another_site() -> None:
    assert not is_origin_allowed("http://gateway.example:4110", "gateway.example", ())
