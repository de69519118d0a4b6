"""Plain requests and answers, read and written without h11, beside h11."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from darvaz.gateway.http.plain_connection import PlainConnection
from darvaz.gateway.http.plain_requests import dump_answer, parse_plain
from tests.support.examples import examples

HOST = b"Host: gateway\r\n"
# What h11 reads otherwise, refuses, or treats in its own way, among what is plain.
METHODS = st.sampled_from([b"GET", b"POST", b"PATCH", b"HEAD", b"OPTIONS", b"CONNECT", b"get"])
TARGETS = st.sampled_from(
    [b"/", b"/api/devices?after=%20&x", b"/a%2fb//..;", b"*", b"http://h/x", b"/\xff", b"/a b", b""]
)
VERSIONS = st.sampled_from([b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"http/1.1"])
FIELDS = st.sampled_from([
    HOST, b"X: y\r\n", b"Accept:\t*/* \t\r\n", b"X-Empty:\r\n", b"x-high: \xc3\xa9\r\n", b"Connection: keep-alive\r\n",
    b"Connection: close\r\n", b"Connection: Keep-Alive, Upgrade\r\n", b"Upgrade: websocket\r\n",
    b"Expect: 100-continue\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Content-Length: 2\r\n", b"Content-Length: 02\r\n", b"Content-Length: 2, 2\r\n",
    b"Content-Length: +2\r\n", b"Content-Length: -1\r\n", b"X : y\r\n", b"X: a\x00b\r\n", b"X: a\r\n b\r\n", b"X: y\n",
    b"Te: trailers\r\n", b": y\r\n", b"no colon\r\n", b"X: a\tb\r\n", b"X: \x7f\r\n",
])  # fmt: skip
BODIES = st.sampled_from([b"", b"{}", b"{}x", b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"])
NAMES = st.sampled_from(
    [b"content-type", b"content-length", b"Connection", b"transfer-encoding", b"x-1", b"a b", b"host"]
)
VALUES = st.sampled_from(
    [b"", b"2", b"text/html; charset=utf-8", b"close", b"chunked", b"a\r\nb: c", b" a", b"\xc3\xa9"]
)
ANSWER_HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=4)
PLAIN = b"POST /api HTTP/1.1\r\n" + HOST + b"Content-Length: 2\r\n\r\n{}"
FULL = [(b"content-type", b"application/json"), (b"content-length", b"2")]


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    fields = draw(st.lists(FIELDS, max_size=3))
    head = b" ".join((draw(METHODS), draw(TARGETS), draw(VERSIONS))) + b"\r\n" + b"".join([HOST, *fields]) + b"\r\n"
    return head + draw(BODIES)


def events_of(connection: Any) -> list[Any]:
    """Returns everything that can be read, as uvicorn reads it; an error at the end."""
    found: list[Any] = []
    while True:
        try:
            event = connection.next_event()
        except h11.RemoteProtocolError:
            return [*found, "error"]
        if isinstance(event, h11.Request):
            event = (event.method, event.target, list(event.headers), event.http_version)
        found.append(event)
        if event in (h11.NEED_DATA, h11.PAUSED):
            return found


def dump_by_h11(connection: Any, status: int, headers: Any, body: bytes) -> bytes | str:
    try:
        start = h11.Response(status_code=status, headers=headers, reason=b"Fine")
        events = [start, h11.Data(data=body), h11.EndOfMessage()]
        return b"".join([connection.send(event) or b"" for event in events])
    except h11.LocalProtocolError as error:
        return str(error)


@examples(100)
@given(data=requests())
@example(PLAIN)
def test_a_plain_request_is_what_h11_reads(data: bytes) -> None:
    reference = h11.Connection(h11.SERVER)
    reference.receive_data(data)
    connection = PlainConnection(h11.Connection(h11.SERVER))
    connection.receive_data(data)

    assert connection.is_plain is (parse_plain(data) is not None)
    assert events_of(connection) == events_of(reference)
    assert (connection.our_state, connection.their_state) == (reference.our_state, reference.their_state)
    assert connection.trailing_data == reference.trailing_data
    assert connection.they_are_waiting_for_100_continue == reference.they_are_waiting_for_100_continue


@examples(100)
@given(status=st.sampled_from([200, 204, 304, 401, 503]), headers=ANSWER_HEADERS, body=st.sampled_from([b"", b"{}"]))
@example(200, FULL, b"{}")
@example(200, [*FULL, (b"x", b"a\r\nb: c")], b"{}")
@example(204, [(b"x", b"a\r\nb: c")], b"")
def test_a_plain_answer_is_what_h11_writes(status: int, headers: Any, body: bytes) -> None:
    reference = h11.Connection(h11.SERVER)
    reference.receive_data(PLAIN)
    events_of(reference)

    answer = dump_answer(status, b"Fine", headers, body)

    expected = dump_by_h11(reference, status, headers, body)
    assert answer in (None, expected)
    assert answer is None or reference.our_state is reference.their_state is h11.DONE


@pytest.mark.parametrize(
    ("data", "is_plain"),
    [
        (PLAIN, True),
        (b"GET /api/devices HTTP/1.1\r\nhost: gateway\r\nConnection: keep-alive\r\nAccept: */*\r\n\r\n", True),
        (PLAIN + b"GET", False),
        (PLAIN[:-1], False),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"y" * 8_192 + b"\r\n\r\n", False),
    ],
)
def test_usual_requests_are_plain(data: bytes, is_plain: bool) -> None:
    assert (parse_plain(data) is not None) is is_plain


def test_usual_answers_are_plain() -> None:
    assert dump_answer(200, b"Fine", FULL, b"{}") is not None


@examples(100)
@given(
    data=st.lists(requests() | st.just(PLAIN), min_size=1, max_size=3).map(b"".join),
    cuts=st.lists(st.integers(0, 300), max_size=4),
    answers=st.lists(st.tuples(st.just(FULL) | ANSWER_HEADERS, st.booleans()), min_size=4, max_size=4),
)
@example(PLAIN + PLAIN, [len(PLAIN)], [(FULL, True)] * 4)
@example(PLAIN + PLAIN, [len(PLAIN)], [([], True)] * 4)
def test_requests_and_answers_in_a_row_are_those_of_h11(data: bytes, cuts: list[int], answers: Any) -> None:
    """Whatever comes together, also while one is answered, and however each is answered."""
    edges = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    parts = [data[start:end] for start, end in pairwise(edges) if start < end]
    ends = [play(connection, parts, answers) for connection in (
        PlainConnection(h11.Connection(h11.SERVER)), h11.Connection(h11.SERVER)
    )]  # fmt: skip

    assert ends[0] == ends[1]


def play(connection: Any, parts: list[bytes], answers: Any) -> list[Any]:
    """Does what uvicorn does: reads each part, and answers a request at once or after the next part has come."""
    log: list[Any] = []
    left = iter(answers)
    waits = False
    for part in [*parts, b""]:
        if part:
            connection.receive_data(part)
            log.append(events_of(connection))
        while connection.our_state is h11.SEND_RESPONSE and connection.their_state is h11.DONE:
            headers, is_late = next(left, (FULL, False))
            if is_late and part and not waits:
                waits = True
                break
            waits = False
            log.append(answer(connection, headers))
            if log[-1] is None or not connection.our_state is connection.their_state is h11.DONE:
                return log
            connection.start_next_cycle()
            log.append(events_of(connection))
    return log


def answer(connection: Any, headers: Any) -> Any:
    if isinstance(connection, PlainConnection) and connection.is_plain:
        data = dump_answer(200, b"Fine", headers, b"{}")
        if data is not None:
            connection.note_answer()
            return data
    return dump_by_h11(connection, 200, headers, b"{}")
