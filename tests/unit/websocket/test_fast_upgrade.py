"""The fast parser of upgrades: what it accepts, h11 reads in the same way; it leaves the rest to h11."""

from __future__ import annotations

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darvaz.gateway.websocket.fast_upgrade import HEAD_BYTES_MAX, parse_upgrade
from darvaz.gateway.websocket.handshake import Request, check_request, parse_request
from tests.support.examples import examples

HEADERS = (
    b"Host: gateway:3000",
    b"Upgrade: websocket",
    b"Connection: Upgrade",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    b"Sec-WebSocket-Version: 13",
)


def head(*headers: bytes, line: bytes = b"GET /ws/pico?x=1 HTTP/1.1", end: bytes = b"\r\n\r\n") -> bytes:
    return b"\r\n".join((line, *headers)) + end


def h11_request(data: bytes) -> tuple[bytes, bytes, list[tuple[bytes, bytes]]] | None:
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(data)
    try:
        event = connection.next_event()
    except h11.RemoteProtocolError:
        return None
    return (event.method, event.target, list(event.headers)) if isinstance(event, h11.Request) else None


def test_a_boards_request_is_accepted() -> None:
    request = parse_upgrade(head(*HEADERS, b"Authorization:   Bearer dvz_x  "))
    assert request is not None
    assert request.target == b"/ws/pico?x=1"
    assert (b"authorization", b"Bearer dvz_x") in request.headers


def test_names_and_options_may_be_written_in_any_case() -> None:
    assert parse_upgrade(head(b"HOST: a", b"upgrade: WebSocket", b"CONNECTION: keep-alive, UPGRADE"))


@pytest.mark.parametrize(
    "data",
    [
        head(*HEADERS, end=b"\r\n"),
        head(*HEADERS) + b"\x81",
        head(*HEADERS, line=b"POST /ws/pico HTTP/1.1"),
        head(*HEADERS, line=b"GET /ws/pico HTTP/1.0"),
        head(*HEADERS, line=b"GET  /ws/pico HTTP/1.1"),
        head(*HEADERS[1:]),
        head(*HEADERS, HEADERS[0]),
        head(*HEADERS, b"Upgrade: h2c"),
        head(*HEADERS, b"Content-Length: 0"),
        head(*HEADERS, b"Transfer-Encoding: chunked"),
        head(*HEADERS, b"Expect: 100-continue"),
        head(*HEADERS, b"X: a\x00b"),
        head(*HEADERS, b"X: a\r b"),
        head(*HEADERS, b"X: a\r\n folded"),
        head(*HEADERS, b"X : a"),
        head(HEADERS[0], b"Upgrade: h2c", b"Connection: Upgrade"),
        head(HEADERS[0], b"Upgrade: websocket", b"Connection: close"),
        head(*HEADERS).replace(b"\r\n", b"\n"),
    ],
)
def test_everything_else_is_left_to_h11(data: bytes) -> None:
    assert parse_upgrade(data) is None


def test_the_longest_head_is_accepted_and_one_byte_more_is_not() -> None:
    free = HEAD_BYTES_MAX - len(head(*HEADERS, b"X: "))
    assert parse_upgrade(head(*HEADERS, b"X: " + b"a" * free))
    assert parse_upgrade(head(*HEADERS, b"X: " + b"a" * (free + 1))) is None


_PIECES = st.sampled_from(
    [*HEADERS, b"X-Any: \xff\t ", b"X-Any:", b"Host:", b"X: \x7f", b"Connection: , upgrade ,", b" folded", b"Expect: x"]
)


@examples(100)
@given(st.lists(_PIECES | st.binary(max_size=12), max_size=9), st.binary(max_size=6))
def test_an_accepted_request_is_what_h11_reads(more: list[bytes], target: bytes) -> None:
    data = head(*HEADERS, *more, line=b"GET /" + target + b" HTTP/1.1")
    request = parse_upgrade(data)
    if request is not None:
        assert (request.method, request.target, request.headers) == h11_request(data)


def test_the_request_of_a_board_needs_no_second_parser() -> None:
    data = head(*HEADERS, b"Authorization: Bearer dvz_x")
    request = parse_upgrade(data)
    assert request is not None

    checked = check_request(request.target, request.headers)

    assert isinstance(checked, Request)
    assert checked == parse_request(data)


@examples(100)
@given(st.lists(_PIECES | st.binary(max_size=12), max_size=9), st.binary(max_size=6))
def test_an_accepted_request_is_what_the_slower_parser_makes_of_it(more: list[bytes], target: bytes) -> None:
    data = head(*HEADERS, *more, line=b"GET /" + target + b" HTTP/1.1")
    request = parse_upgrade(data)
    if request is not None:
        assert check_request(request.target, request.headers) == parse_request(data)
