"""What a request is before the rules see it: absolute targets, and what a trusted proxy says."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from darvaz.gateway.addresses import BASE_PATH_CHARS_MAX, parse_base_path
from darvaz.gateway.http.forwarded import BASE_PATH, IS_FRAMED, ForwardedRequests

CLIENT = "203.0.113.9"


def passed_on(
    target: str = "/",
    headers: dict[str, str] | None = None,
    *,
    peer: str = "127.0.0.1",
    type_: str = "http",
    proxies: tuple[str, ...] = ("127.0.0.1", "198.51.100.0/24"),
    base_path: str = "",
    own_paths: Sequence[str] = (),
) -> dict[str, Any]:
    """Returns the scope that the application gets; {} if it gets none, and the location of the redirect."""
    got: dict[str, Any] = {}

    async def application(scope: Any, receive: Any, send: Any) -> None:
        got.update(scope)

    async def send(message: Any) -> None:
        got.update({name.decode(): value.decode() for name, value in message.get("headers", ())})

    raw = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    scope = {
        "type": type_,
        "method": "GET",
        "scheme": "ws" if type_ == "websocket" else "http",
        "path": target,
        "raw_path": target.encode(),
        "query_string": b"",
        "headers": [(b"host", b"gateway.example"), *raw],
        "client": (peer, 50_000),
    }
    asyncio.run(ForwardedRequests(application, proxies, base_path, own_paths)(scope, None, send))  # type: ignore[arg-type]
    return got


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        (CLIENT, CLIENT),
        (f"{CLIENT}:51234", CLIENT),
        ("2001:db8::7", "2001:db8::7"),
        ("[2001:db8::7]:443", "2001:db8::7"),
        # The client's own header is to the left of the address that the proxy adds.
        (f"127.0.0.1, {CLIENT}", CLIENT),
        (f"192.0.2.1, {CLIENT}, 198.51.100.3, 127.0.0.1:9", CLIENT),
        ("198.51.100.3, 127.0.0.1", "198.51.100.3"),
        ("<b>nonsense</b>", "<b>nonsense</b>"),
        ("", ""),
    ],
)
@pytest.mark.parametrize("peer", ["127.0.0.1", "::ffff:127.0.0.1", "198.51.100.200"])
def test_a_trusted_proxy_names_the_client(peer: str, forwarded: str, address: str) -> None:
    assert passed_on(headers={"X-Forwarded-For": forwarded}, peer=peer)["client"] == (address, 0)


def test_of_two_headers_the_last_address_counts() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        assert scope["client"] == (CLIENT, 0)

    headers = [(b"x-forwarded-for", b"192.0.2.1"), (b"x-forwarded-for", CLIENT.encode())]
    scope = {"type": "http", "path": "/", "raw_path": b"/", "headers": headers, "client": ("127.0.0.1", 1)}

    asyncio.run(ForwardedRequests(application, ["127.0.0.1"], "")(scope, None, None))  # type: ignore[arg-type]


@pytest.mark.parametrize("peer", ["192.0.2.1", "127.0.0.2", "::1"])
def test_the_headers_of_an_untrusted_address_are_ignored(peer: str) -> None:
    headers = {"X-Forwarded-For": CLIENT, "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/darvaz"}

    got = passed_on(headers=headers, peer=peer)

    assert (got["client"], got["scheme"], got[BASE_PATH]) == ((peer, 50_000), "http", "")


@pytest.mark.parametrize(
    ("proto", "scheme", "of_websocket"),
    [("https", "https", "wss"), ("HTTPS, http", "https", "wss"), ("wss", "https", "wss"), ("http", "http", "ws")],
)
def test_the_proxy_tells_the_outer_scheme(proto: str, scheme: str, of_websocket: str) -> None:
    headers = {"X-Forwarded-Proto": proto}

    assert passed_on(headers=headers)["scheme"] == scheme
    assert passed_on(headers=headers, type_="websocket")["scheme"] == of_websocket


@pytest.mark.parametrize("target", ["/darvaz/api/devices", "/api/devices"])
def test_a_prefix_is_left_out_of_the_path_whether_or_not_the_proxy_does_so(target: str) -> None:
    got = passed_on(target, {"X-Forwarded-Prefix": "/darvaz/"})

    assert (got["path"], got["raw_path"], got[BASE_PATH], got[IS_FRAMED]) == (
        "/api/devices",
        b"/api/devices",
        "/darvaz",
        False,
    )


def test_the_path_of_the_public_address_is_left_out_for_boards_too() -> None:
    got = passed_on("/darvaz/ws/pico", type_="websocket", proxies=(), base_path="/darvaz")

    assert (got["path"], got[BASE_PATH]) == ("/ws/pico", "/darvaz")


def test_the_prefix_without_a_slash_is_redirected_relatively() -> None:
    assert passed_on("/house/darvaz", base_path="/house/darvaz")["location"] == "darvaz/"


def test_a_path_that_only_begins_like_the_prefix_is_another_one() -> None:
    assert passed_on("/darvazeh", base_path="/darvaz")["path"] == "/darvazeh"


@pytest.mark.parametrize(("prefix", "is_told"), [("/api", True), ("/ws", True), ("/darvaz", False), ("/ap", False)])
def test_the_log_names_a_path_that_begins_paths_of_the_gateway(
    prefix: str, is_told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    own_paths = ["/", "/api/devices", "/ws/pico"]
    headers = {"X-Forwarded-Prefix": prefix}

    for at_start in ("", prefix):
        caplog.clear()
        passed_on("/devices", {} if at_start else headers, base_path=at_start, own_paths=own_paths)
        assert (f"below {prefix}" in caplog.text) == is_told


def test_home_assistant_shows_the_gateway_in_a_frame() -> None:
    got = passed_on("/", {"X-Ingress-Path": "/api/hassio_ingress/a-token", "X-Forwarded-Prefix": "/x"})

    assert (got[BASE_PATH], got[IS_FRAMED]) == ("/api/hassio_ingress/a-token", True)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/a/b-c_d.e~f/", "/a/b-c_d.e~f"),
        ("/", ""),
        ("", ""),
        ("a", None),
        ("//evil.example", None),
        ("/a/../b", None),
        ("/./a", None),
        ("/a;b", None),
        ("/a b", None),
        ("/a\r\nb", None),
        ("/" + "a" * (BASE_PATH_CHARS_MAX - 1), "/" + "a" * (BASE_PATH_CHARS_MAX - 1)),
        ("/" + "a" * BASE_PATH_CHARS_MAX, None),
    ],
)
def test_only_a_plain_path_is_a_prefix(text: str, path: str | None) -> None:
    assert parse_base_path(text) == path


@pytest.mark.parametrize(
    ("target", "path", "host"),
    [
        ("http://other.example:3000/api/devices", "/api/devices", b"other.example:3000"),
        ("HTTPS://other.example", "/", b"other.example"),
        ("http://[::1]:3000/", "/", b"[::1]:3000"),
        ("ws://other.example/ws/pico", "/ws/pico", b"other.example"),
    ],
)
def test_of_an_absolute_target_the_host_counts(target: str, path: str, host: bytes) -> None:
    got = passed_on(target)

    assert (got["path"], got["raw_path"]) == (path, path.encode())
    assert [value for name, value in got["headers"] if name == b"host"] == [host]


@pytest.mark.parametrize("target", ["*", "ftp://other.example/", "http://", "other.example:443"])
def test_another_target_is_not_taken_for_a_path(target: str) -> None:
    assert passed_on(target)["path"] == target


@pytest.mark.parametrize(
    ("peer", "headers", "lines"),
    [
        ("127.0.0.2", {"X-Forwarded-For": CLIENT}, 1),
        ("127.0.0.1", {"X-Forwarded-For": CLIENT}, 0),
        ("127.0.0.2", {}, 0),
        # Anybody may send the header.
        ("192.0.2.1", {"X-Forwarded-For": CLIENT}, 0),
    ],
)
def test_the_log_names_a_proxy_of_this_machine_that_is_not_trusted(
    caplog: pytest.LogCaptureFixture, peer: str, headers: dict[str, str], lines: int
) -> None:
    passed_on(headers=headers, peer=peer)

    assert caplog.text.count("DARVAZ_TRUSTED_PROXIES=127.0.0.2") == lines
