"""The crowd of idle boards: all come, answer pings, and come back when they are dropped."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from bench.children import BenchError
from bench.generator import Generator, Words
from tests.unit.bench.scripted import ACCEPTANCE, Peer, serving

DEADLINE_S = 20.0


def test_boards_answer_a_ping_and_come_back_when_they_are_dropped(generator: Generator, tmp_path: Path) -> None:
    said: list[str] = []
    knocks: list[int] = []
    all_here = threading.Barrier(3)

    def gateway(peer: Peer) -> None:
        peer.read_head()
        peer.write(ACCEPTANCE)
        said.append(peer.read_packet())
        peer.write_text('{"type":"connection_ack"}')
        knocks.append(1)
        if len(knocks) > 3:
            peer.read(1)
        peer.write_text('{"type":"ping","time":1790000000}')
        said.append(peer.read_packet())
        all_here.wait(DEADLINE_S)

    with serving(gateway) as port:
        with generator.crowd({"port": port, "links": 3, "device": "bench"}, tmp_path / "log.txt") as crowd:
            first = crowd.wait_for("full", DEADLINE_S)
            again = crowd.wait_for("full", DEADLINE_S)

    assert first["open"] == again["open"] == 3
    assert again["losses"] == 3
    assert again["at_s"] > first["at_s"]
    assert said.count('{"type":"pong"}') == 3


def test_boards_that_are_refused_try_again(generator: Generator, tmp_path: Path) -> None:
    knocks: list[int] = []

    def gateway(peer: Peer) -> None:
        peer.read_head()
        knocks.append(1)
        if len(knocks) <= 2:
            peer.write(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")
            return
        peer.write(ACCEPTANCE)
        peer.read_packet()
        peer.write_text('{"type":"connection_ack"}')
        peer.read(1)

    with serving(gateway) as port:
        with generator.crowd({"port": port, "links": 1, "device": "bench"}, tmp_path / "log.txt") as crowd:
            full = crowd.wait_for("full", DEADLINE_S)

    assert (full["knocks"], full["losses"]) == (3, 0)
    assert full["why"] == "the handshake was answered with HTTP/1.1 503 Service Unavail"


def test_a_crowd_that_does_not_get_in_says_how_far_it_got(generator: Generator, tmp_path: Path) -> None:
    with generator.crowd({"port": 1, "links": 2, "device": "bench"}, tmp_path / "log.txt") as crowd:
        with pytest.raises(BenchError, match="0 boards were open after 1 s"):
            crowd.wait_for("full", 1)


def test_only_so_many_boards_knock_at_a_time(generator: Generator, tmp_path: Path) -> None:
    knocking: list[int] = []
    most: list[int] = []

    def gateway(peer: Peer) -> None:
        knocking.append(1)
        most.append(len(knocking))
        peer.read_head()
        knocking.pop()
        peer.write(ACCEPTANCE)
        peer.read_packet()
        peer.write_text('{"type":"connection_ack"}')
        peer.read(1)

    words: Words = {"links": 40, "device": "bench", "pending-max": 5}
    with serving(gateway) as port, generator.crowd({"port": port, **words}, tmp_path / "log.txt") as crowd:
        crowd.wait_for("full", DEADLINE_S)

    assert max(most) <= 5
