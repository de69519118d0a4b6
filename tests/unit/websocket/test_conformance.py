"""RFC 6455 over raw sockets: framing, pings, reserved bits, opcodes, fragments, UTF-8, closing, limits.

The table follows the sections 1 to 7, 9 and 10 of the Autobahn test suite. Each case says what is
sent, what comes back, and how the connection ends: by code, or not at all.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.support.rawsocket import RawSocket, close, packet, text
from tests.support.webserver import WebServer
from tests.unit.websocket.servers import OURS, DirectEcho, echo, serve
from tests.unit.websocket.utf8_cases import BAD, GOOD

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
LETTERS = "Hello-µ@ßöäüàá-UTF-8!!"
FRAGMENTS = packet(TEXT, b"frag", fin=False) + packet(CONT, b"ment")


class Case(NamedTuple):
    """One conversation; `ends` is the code of the server's close, None if it stays open."""

    name: str
    sends: bytes
    gets: list[tuple[int, bytes]]
    ends: int | None = None


def echoed(opcode: int, size: int) -> Case:
    data = b"*" * size
    return Case(f"1 a message of {size} bytes, opcode {opcode}", packet(opcode, data), [(opcode, data)])


SIZES = (0, 125, 126, 127, 128, 65_535, 65_536)
FRAMING = [echoed(opcode, size) for opcode in (TEXT, BINARY) for size in SIZES]
PINGS = [
    Case("2.1 an empty ping", packet(PING), [(PONG, b"")]),
    Case("2.2 a ping with text", packet(PING, b"Hello, world!"), [(PONG, b"Hello, world!")]),
    Case("2.3 a ping with bytes", packet(PING, b"\x00\xff\xfe\xfd"), [(PONG, b"\x00\xff\xfe\xfd")]),
    Case("2.4 a ping of 125 bytes", packet(PING, b"\xfe" * 125), [(PONG, b"\xfe" * 125)]),
    Case("2.5 a ping of 126 bytes", packet(PING, b"\xfe" * 126), [], 1002),
    Case("2.7 an unasked pong", packet(PONG) + text("on"), [(TEXT, b"on")]),
    Case("2.8 an unasked pong with text", packet(PONG, b"unasked") + text("on"), [(TEXT, b"on")]),
    Case("2.9 an unasked pong and a ping", packet(PONG, b"unasked") + packet(PING, b"ping"), [(PONG, b"ping")]),
    Case(
        "2.10 ten pings", b"".join(packet(PING, b"%d" % n) for n in range(10)), [(PONG, b"%d" % n) for n in range(10)]
    ),
]
RESERVED = [
    Case(f"3 reserved bits {bits} after a message", text("fine") + packet(op, b"x", bits=bits), [(TEXT, b"fine")], 1002)
    for bits, op in ((1, TEXT), (2, TEXT), (3, TEXT), (4, TEXT), (5, BINARY), (6, PING), (7, CLOSE))
]
OPCODES = [
    Case(f"4 opcode {opcode}", text("fine") + packet(opcode, data) + packet(PING), [(TEXT, b"fine")], 1002)
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)
    for data in (b"", b"reserved")
]
PARTS = [(TEXT, b"fragment")]
FRAGMENTATION = [
    Case("5.1 a ping in fragments", packet(PING, b"a", fin=False) + packet(CONT, b"b"), [], 1002),
    Case("5.2 a pong in fragments", packet(PONG, b"a", fin=False) + packet(CONT, b"b"), [], 1002),
    Case("5.3 a text in fragments", FRAGMENTS, PARTS),
    Case(
        "5.6 a ping between fragments",
        packet(TEXT, b"frag", fin=False) + packet(PING, b"ping") + packet(CONT, b"ment"),
        [(PONG, b"ping"), *PARTS],
    ),
    Case("5.9 nothing to continue", packet(CONT, b"x") + text("hello"), [], 1002),
    Case("5.10 nothing to continue, then a text", packet(CONT, b"x", fin=False) + text("hello"), [], 1002),
    Case("5.15 a text, then nothing to continue", FRAGMENTS + packet(CONT, b"x", fin=False) + text("y"), PARTS, 1002),
    Case("5.11 nothing to continue, and a text behind", packet(CONT, b"x", fin=False) + FRAGMENTS, [], 1002),
    Case(
        "5.17 an end without a beginning, then a beginning",
        (packet(CONT, b"1") + packet(TEXT, b"2", fin=False)) * 2,
        [],
        1002,
    ),
    Case("5.16 fragments begin twice", (packet(CONT, b"1", fin=False) + packet(TEXT, b"2", fin=False)) * 2, [], 1002),
    Case("5.18 a text within a text", packet(TEXT, b"1", fin=False) + packet(TEXT, b"2"), [], 1002),
    Case(
        "5.19 five fragments with pings between them",
        packet(TEXT, b"1", fin=False)
        + packet(CONT, b"2", fin=False)
        + packet(PING, b"a")
        + packet(CONT, b"3", fin=False)
        + packet(CONT, b"4", fin=False)
        + packet(PING, b"b")
        + packet(CONT, b"5"),
        [(PONG, b"a"), (PONG, b"b"), (TEXT, b"12345")],
    ),
]
NOTHING = packet(TEXT, b"", fin=False) + packet(CONT, b"", fin=False)
UTF8 = [
    Case("6.1.1 an empty text", text(""), [(TEXT, b"")]),
    Case("6.1.2 an empty text in fragments", NOTHING + packet(CONT), [(TEXT, b"")]),
    Case("6.1.3 empty fragments around a text", NOTHING + packet(CONT, b"middle"), [(TEXT, b"middle")]),
    Case("6.2.1 letters of several lengths", text(LETTERS), [(TEXT, LETTERS.encode())]),
    Case(
        "6.2.3 a fragment for each byte",
        packet(TEXT, b"", fin=False)
        + b"".join(packet(CONT, bytes((byte,)), fin=False) for byte in LETTERS.encode())
        + packet(CONT),
        [(TEXT, LETTERS.encode())],
    ),
    Case("6.4.1 a fragment that can never be text", packet(TEXT, b"ok\xf4\x90", fin=False), [], 1007),
    Case(
        "6.4.2 a fragment whose last byte can never be text",
        packet(TEXT, b"ok\xf4", fin=False) + packet(CONT, b"\x90", fin=False),
        [],
        1007,
    ),
    Case(
        "6.2.2 two fragments cut between letters",
        packet(TEXT, b"Hello-", fin=False) + packet(CONT, "µ@ß".encode()),
        [(TEXT, "Hello-µ@ß".encode())],
    ),
    *(Case(f"6 good: {good.hex()}", packet(TEXT, good), [(TEXT, good)]) for good in GOOD),
    *(Case(f"6 bad: {bad.hex()}", packet(TEXT, bad), [], 1007) for bad in BAD),
    *(
        Case(f"6 bad in fragments: {bad.hex()}", packet(TEXT, bad[:1], fin=False) + packet(CONT, bad[1:]), [], 1007)
        for bad in BAD
    ),
]
LONG_REASON = b"*" * 123
CLOSING = [
    Case("7.1.1 a text and a close", text("hello") + close(), [(TEXT, b"hello")], 1000),
    Case("7.1.2 two closes", close() + close(1001), [], 1000),
    Case("7.1.3 a ping after the close", close() + packet(PING), [], 1000),
    Case("7.1.4 a text after the close", close() + text("late"), [], 1000),
    Case("7.1.5 a close between fragments", packet(TEXT, b"x", fin=False) + close() + packet(CONT, b"y"), [], 1000),
    Case("7.1.6 a close behind much", packet(TEXT, b"*" * 262_144) + close(), [(TEXT, b"*" * 262_144)], 1000),
    Case("7.3.1 an empty close", close(None), [], 0),
    Case("7.3.2 a close of one byte", packet(CLOSE, b"a"), [], 1002),
    Case("7.3.3 a close with a code alone", close(1000), [], 1000),
    Case("7.3.4 a close with a reason", close(1000, b"Hello World!"), [], 1000),
    Case("7.3.5 a close with the longest reason", close(1000, LONG_REASON), [], 1000),
    Case("7.3.6 a close with a reason too long", close(1000, LONG_REASON + b"*"), [], 1002),
    Case("7.5.1 a reason that is not UTF-8", close(1000, b"\xce\xba\xed\xa0\x80"), [], 1007),
    *(
        Case(f"7.7 close {code}", close(code), [], code)
        for code in (1000, 1001, 1002, 1003, *range(1007, 1012), 3000, 3999, 4000, 4999)
    ),
    *(Case(f"7.9 close {code}", close(code), [], 1002) for code in (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999)),
    *(Case(f"7.13 close {code}", close(code), [], 1002) for code in (5000, 65_535)),
]
SECTIONS = {
    "1 framing": FRAMING,
    "2 pings and pongs": PINGS,
    "3 reserved bits": RESERVED,
    "4 opcodes": OPCODES,
    "5 fragmentation": FRAGMENTATION,
    "6 UTF-8": UTF8,
    "7 closing": CLOSING,
}
of_each_section = pytest.mark.parametrize("cases", SECTIONS.values(), ids=SECTIONS)


# `make check` goes through the cases once; the other loop, and ASGI, are left to `make test`.
SERVERS = [
    pytest.param(
        (name, how), id=f"{name} {how}", marks=[] if (name, how) == (OURS[0], "directly") else pytest.mark.slow
    )
    for name in OURS
    for how in ("by ASGI", "directly")
]


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[WebServer]:
    name, how = request.param
    with serve(echo if how == "by ASGI" else DirectEcho(), name) as running:
        yield running


def play(server: WebServer, case: Case, segments: list[bytes]) -> None:
    # An ASGI application answers a turn of the loop later, when a fault may have ended the connection.
    is_in_time = case.ends is None or isinstance(server.app, DirectEcho)
    with RawSocket(server.port) as client:
        # After its own close, the client may find the connection closed.
        with contextlib.suppress(ConnectionError):
            for segment in segments:
                client.send(segment)
        if is_in_time:
            assert [client.receive() for _ in case.gets] == case.gets
        if case.ends is None:
            client.send(packet(PING, b"still there"))
            assert client.receive() == (PONG, b"still there")
        else:
            assert client.receive_close() == (case.ends or None)
            assert client.is_ended()


@contextlib.contextmanager
def named(case: Case) -> Iterator[None]:
    """Adds the name of the case to what goes wrong."""
    try:
        yield
    except (AssertionError, EOFError, OSError) as error:
        error.add_note(f"in the case {case.name!r}")
        raise


@of_each_section
def test_each_case_is_answered_as_the_rfc_says(server: WebServer, cases: list[Case]) -> None:
    for case in cases:
        with named(case):
            play(server, case, [case.sends])


@of_each_section
def test_each_case_is_answered_in_the_same_way_one_byte_at_a_time(server: WebServer, cases: list[Case]) -> None:
    for case in cases:
        if len(case.sends) < 200:
            with named(case):
                play(server, case, [case.sends[i : i + 1] for i in range(len(case.sends))])


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("size_bytes", [65_536, 262_144, 1_048_576, 4_194_304, 16_777_216])
def test_9_a_large_message_comes_back_whole(server: WebServer, opcode: int, size_bytes: int) -> None:
    with RawSocket(server.port) as client:
        data = hashlib.sha256(b"%d" % size_bytes).hexdigest().encode() * (size_bytes // 64)
        client.send(packet(opcode, data))

        assert client.receive() == (opcode, data)


@pytest.mark.parametrize("part_bytes", [64, 256, 4096, 65_536])
def test_9_a_message_in_fragments_comes_back_whole(server: WebServer, part_bytes: int) -> None:
    with RawSocket(server.port) as client:
        data = bytes(range(256)) * 1024
        parts = [data[i : i + part_bytes] for i in range(0, len(data), part_bytes)]
        last = len(parts) - 1
        client.send(b"".join(packet(0 if i else BINARY, part, fin=i == last) for i, part in enumerate(parts)))

        assert client.receive() == (BINARY, data)


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("piece_bytes", [64, 128, 256, 512, 1024, 2048])
def test_9_5_a_large_message_in_small_pieces_comes_back_whole(server: WebServer, opcode: int, piece_bytes: int) -> None:
    with RawSocket(server.port) as client:
        data = b"0123456789abcdef" * 16_384
        sent = packet(opcode, data)
        for start in range(0, len(sent), piece_bytes):
            client.send(sent[start : start + piece_bytes])

        assert client.receive() == (opcode, data)


def test_9_8_two_hundred_round_trips_of_each_size_of_bytes(server: WebServer) -> None:
    with RawSocket(server.port) as client:
        for size in (0, 16, 64, 256, 1024):
            for _ in range(200):
                client.send(packet(BINARY, b"\xfe" * size))
                assert client.receive() == (BINARY, b"\xfe" * size)


def test_9_7_a_thousand_round_trips_of_each_size(server: WebServer) -> None:
    with RawSocket(server.port) as client:
        for size in (0, 16, 64, 256, 1024):
            for _ in range(200):
                client.send(packet(TEXT, b"*" * size))
                assert client.receive() == (TEXT, b"*" * size)


def test_10_a_message_in_odd_pieces_comes_back_whole(server: WebServer) -> None:
    with RawSocket(server.port) as client:
        data = b"*" * 65_536
        parts = [data[i : i + 1300] for i in range(0, len(data), 1300)]
        sent = b"".join(packet(0 if i else TEXT, part, fin=i == len(parts) - 1) for i, part in enumerate(parts))
        for start in range(0, len(sent), 997):
            client.send(sent[start : start + 997])

        assert client.receive() == (TEXT, data)
