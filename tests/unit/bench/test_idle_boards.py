"""Idle boards: all connect, answer pings, and connect again when they are dropped."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from bench.child import BenchError
from bench.generator import Generator, Options
from tests.unit.bench.scripted import ACCEPTANCE, Peer, serving

DEADLINE_S = 20.0


def test_idle_boards_answer_a_ping_and_come_back_when_they_are_dropped(generator: Generator, tmp_path: Path) -> None:
    received: list[str] = []
    attempts: list[int] = []
    all_connected = threading.Barrier(3)

    def gateway(peer: Peer) -> None:
        peer.read_head()
        peer.write(ACCEPTANCE)
        received.append(peer.read_packet())
        peer.write_text('{"type":"connection_ack"}')
        attempts.append(1)
        if len(attempts) > 3:
            peer.read(1)
        peer.write_text('{"type":"ping","time":1790000000}')
        received.append(peer.read_packet())
        all_connected.wait(DEADLINE_S)

    with serving(gateway) as port:
        with generator.idle_boards({"port": port, "links": 3, "device": "bench"}, tmp_path / "log.txt") as idle:
            first = idle.wait_for("full", DEADLINE_S)
            again = idle.wait_for("full", DEADLINE_S)

    assert first["open"] == again["open"] == 3
    assert again["losses"] == 3
    assert again["at_s"] > first["at_s"]
    assert received.count('{"type":"pong"}') == 3


def test_each_board_sends_the_introduction_of_its_line(generator: Generator, tmp_path: Path) -> None:
    received: list[str] = []
    texts = [f'{{"type":"connect","device":"bench-{number}","board":"{"x" * 4000}"}}' for number in range(3)]

    def gateway(peer: Peer) -> None:
        peer.read_head()
        peer.write(ACCEPTANCE)
        received.append(peer.read_packet())
        peer.write_text('{"type":"connection_ack"}')
        peer.read(1)

    (tmp_path / "introductions.txt").write_text("\n".join(texts))
    options: Options = {"links": 3, "device": "bench", "introductions": str(tmp_path / "introductions.txt")}
    with serving(gateway) as port, generator.idle_boards({"port": port, **options}, tmp_path / "log.txt") as idle:
        idle.wait_for("full", DEADLINE_S)

    assert sorted(received) == texts


def test_boards_that_are_refused_try_again(generator: Generator, tmp_path: Path) -> None:
    attempts: list[int] = []

    def gateway(peer: Peer) -> None:
        peer.read_head()
        attempts.append(1)
        if len(attempts) <= 2:
            peer.write(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")
            return
        peer.write(ACCEPTANCE)
        peer.read_packet()
        peer.write_text('{"type":"connection_ack"}')
        peer.read(1)

    with serving(gateway) as port:
        with generator.idle_boards({"port": port, "links": 1, "device": "bench"}, tmp_path / "log.txt") as idle:
            full = idle.wait_for("full", DEADLINE_S)

    assert (full["attempts"], full["losses"]) == (3, 0)
    assert full["why"] == "the handshake was answered with HTTP/1.1 503 Service Unavail"


def test_the_error_says_how_many_boards_could_connect(generator: Generator, tmp_path: Path) -> None:
    with generator.idle_boards({"port": 1, "links": 2, "device": "bench"}, tmp_path / "log.txt") as idle:
        with pytest.raises(BenchError, match="0 boards were open after 1 s"):
            idle.wait_for("full", 1)


def test_no_more_boards_connect_at_a_time_than_allowed(generator: Generator, tmp_path: Path) -> None:
    connecting: list[int] = []
    most: list[int] = []

    def gateway(peer: Peer) -> None:
        connecting.append(1)
        most.append(len(connecting))
        peer.read_head()
        connecting.pop()
        peer.write(ACCEPTANCE)
        peer.read_packet()
        peer.write_text('{"type":"connection_ack"}')
        peer.read(1)

    options: Options = {"links": 40, "device": "bench", "pending-max": 5}
    with serving(gateway) as port, generator.idle_boards({"port": port, **options}, tmp_path / "log.txt") as idle:
        idle.wait_for("full", DEADLINE_S)

    assert max(most) <= 5
