"""The load generator counts the answers of a server, and reports servers that break the rules."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.sync.server import ServerConnection, serve

from bench.child import BenchError
from bench.generator import Generator
from tests.unit.bench.scripted import ACCEPTANCE, Peer, run, serving


@contextlib.contextmanager
def library_echo(received: list[str]) -> Iterator[int]:
    """An echo server of the websockets library, which is strict about clients."""

    def echo(connection: ServerConnection) -> None:
        for text in connection:
            received.append(str(text))
            connection.send(text)

    with serve(echo, "127.0.0.1", 0, compression=None) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.socket.getsockname()[1]
        server.shutdown()
        thread.join(10)


@pytest.mark.parametrize("size", [1, 125, 126, 3000])
def test_packets_of_every_size_follow_the_protocol(generator: Generator, size: int) -> None:
    message = "m" * size
    received: list[str] = []

    with library_echo(received) as port:
        measured = run(generator, port, links=3, in_flight=2, message=message, expect=message)

    assert set(received) == {message}
    assert measured["units_sent"] == len(received)


def test_a_generator_that_never_sleeps_does_not_count_waiting_as_load(generator: Generator) -> None:
    if not generator.is_fast:
        pytest.skip("the load generator in Python always sleeps")
    received: list[str] = []

    with library_echo(received) as port:
        measured = run(generator, port, links=1, in_flight=1, message="m", expect="m", awake=True, window_ms=300)

    assert measured["units_sent"] == len(received)
    # One Python thread answers, so the generator waits most of the time.
    assert 0 < measured["load_cpu_s"] < measured["window_s"] / 2


def test_answers_that_come_in_single_bytes_are_counted(generator: Generator) -> None:
    def dribble(peer: Peer) -> None:
        peer.read_head()
        for byte in ACCEPTANCE:
            peer.write(bytes([byte]))
        while True:
            peer.read_packet()
            for byte in b"\x81\x04pong":
                peer.write(bytes([byte]))

    with serving(dribble) as port:
        measured = run(generator, port, in_flight=4, expect="pong")

    assert measured["messages"] > 0


def test_log_messages_are_counted_with_the_receipt_after_them(generator: Generator) -> None:
    received: list[str] = []

    def answer_pings(peer: Peer) -> None:
        peer.read_head()
        peer.write(ACCEPTANCE)
        while True:
            received.append(peer.read_packet())
            if received[-1] == "ping":
                peer.write_text("pong")

    with serving(answer_pings) as port:
        measured = run(generator, port, logs=3, log="log", message="ping", expect="pong")

    assert received[:8] == ["log", "log", "log", "ping"] * 2
    assert measured["logs_sent"] == received.count("log") == 3 * measured["units_sent"]
    assert measured["messages"] % 4 == 0


def test_no_more_messages_are_in_flight_than_the_option_says(generator: Generator) -> None:
    ahead: list[int] = []

    def answer_late(peer: Peer) -> None:
        peer.read_head()
        peer.write(ACCEPTANCE)
        for _ in range(5):
            peer.read_packet()
        with pytest.raises(TimeoutError):
            peer._connection.settimeout(0.05)
            peer.read(1)
        ahead.append(5)

    with serving(answer_late) as port, pytest.raises(BenchError, match="ended by the server"):
        run(generator, port, in_flight=5)

    assert ahead == [5]


def test_token_and_device_name_are_sent(generator: Generator, tmp_path: Path) -> None:
    received: list[str] = []
    tokens = tmp_path / "tokens.txt"
    tokens.write_text("first\nsecond\n")

    def gateway(peer: Peer) -> None:
        head = peer.read_head().decode()
        token = next(line for line in head.splitlines() if line.startswith("Authorization: "))
        peer.write(ACCEPTANCE)
        received.append(f"{head.split()[1]} {token} {peer.read_packet()}")
        peer.write_text('{"type":"connection_ack"}')
        while True:
            peer.read_packet()
            peer.write_text("pong")

    with serving(gateway) as port:
        run(generator, port, links=2, path="/ws/pico", tokens=str(tokens), device="bench")

    expected = '/ws/pico Authorization: Bearer {} {{"type":"connect","device":"bench-{}","version":"1.0.0"}}'
    assert sorted(received) == [expected.format("first", 0), expected.format("second", 1)]


def test_an_answer_that_is_not_the_expected_one_is_an_error(generator: Generator) -> None:
    def answer_error(peer: Peer) -> None:
        peer.read_head()
        peer.write(ACCEPTANCE)
        while True:
            peer.read_packet()
            peer.write_text('{"type":"error"}')

    with serving(answer_error) as port, pytest.raises(BenchError, match=r'wrong, the first: \{"type":"error"\}'):
        run(generator, port, expect="pong")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.1 401 Unauthorized\r\n\r\n", "HTTP/1.1 401 Unauthorized"),
        (b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: wrong\r\n\r\n", "answered with HTTP/1.1 101"),
        (ACCEPTANCE + b"\x88\x05\x10\x0cbye", "closed by the server: bye"),
        (ACCEPTANCE + b"\x81\x04pong" * 3, "more answers than it sent messages"),
        (ACCEPTANCE + b"\x81\x84abcdpong", "broke the rules"),
        (ACCEPTANCE + b"\x81\x7e\xff\xff" + b"x" * 9000, "more than 8192 bytes"),
        (b"", "ended by the server"),
    ],
)
def test_a_server_that_misbehaves_ends_the_run_with_a_sentence(generator: Generator, answer: bytes, error: str) -> None:
    def misbehave(peer: Peer) -> None:
        peer.read_head()
        peer.write(answer)
        if answer:
            peer.read(100_000)

    with serving(misbehave) as port, pytest.raises(BenchError, match=error):
        run(generator, port)


def test_the_error_says_that_nothing_listens(generator: Generator) -> None:
    with pytest.raises(BenchError, match="nothing listens"):
        run(generator, 1)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"links": 0}, "0 is not a number from 1"),
        ({"in_flight": 257}, "257 is not a number from 1 to 256"),
        ({"dialect": "smoke"}, "the dialects are websocket and mqtt"),
        ({"tokens": "/missing"}, "cannot be read"),
    ],
)
def test_a_wrong_option_is_explained(generator: Generator, options: dict[str, str], error: str) -> None:
    with pytest.raises(BenchError, match=error):
        run(generator, 1, **options)
