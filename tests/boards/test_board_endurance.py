"""Connections and messages by the thousand on real MicroPython: the heap does not grow.

`DARVAZ_EXAMPLES=13` makes ten thousand connections and a quarter of a million messages.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.board_process import BoardProcess
from tests.support.examples import scaled
from tests.support.rough_gateway import CLOSE, WELCOME, Caller, RoughGateway, packet, text

# A block of the heap has 32 bytes: one that leaks at each sixth connection is found.
CONNECTIONS = scaled(800)
MESSAGES = scaled(20_000)
BURST = 200
DEADLINE_S = 240.0
# What may still be filling up after the first samples: the ring of the outbox is made once, names are interned once.
GROWTH_BYTES_MAX = 2048

RESTLESS = {
    "link": {"_TICK_MS": 1, "CLOSE_MS": 20},
    "retrying": {"FIRST_MS": 0, "SHORTEST_MS": 0, "LONGEST_MS": 0, "RESTART_LONGEST_MS": 0, "REFUSED_LONGEST_MS": 0},
}


def heaps(board: BoardProcess, what: str) -> list[int]:
    """Returns the samples of the heap so far, in bytes."""
    found = [re.fullmatch(rf"HEAP {what} \d+ (\d+)", line) for line in board.lines()]
    return [int(match[1]) for match in found if match]


def growth(samples: list[int]) -> int:
    """Returns by how much the heap grew from the first half to the second."""
    # Some samples are taken while a connection is being closed, in one half more than in the other: what leaks is in
    # the least of them too.
    half = len(samples) // 2
    return min(samples[half:]) - min(samples[:half])


def board_of(tmp_path: Path, url: str) -> BoardProcess:
    return BoardProcess(
        tmp_path, url, program="endurance.py", heap="192k", config={"log_level": "error"}, patch=RESTLESS
    )


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_reconnects_by_the_thousand_do_not_grow_the_heap(tmp_path: Path) -> None:
    def script(caller: Caller, number: int) -> None:
        caller.send(caller.answer() + text(WELCOME) + packet(CLOSE, b"\x03\xe8"))
        caller.wait_for_end()

    with RoughGateway(script) as gateway, board_of(tmp_path, gateway.url) as board:
        board.expect(f"HEAP welcomes {CONNECTIONS} ", deadline_s=DEADLINE_S)
        assert growth(heaps(board, "welcomes")) <= GROWTH_BYTES_MAX, heaps(board, "welcomes")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_messages_by_the_thousand_do_not_grow_the_heap(tmp_path: Path) -> None:
    command = text({"type": "command", "id": 1, "name": "step", "args": {}})

    def script(caller: Caller, number: int) -> None:
        caller.open()
        # Half of the messages are the commands, half are their answers.
        for _ in range(MESSAGES // 2 // BURST):
            for _ in range(BURST // 4):
                caller.send(command * 4)
                for _ in range(4):
                    assert caller.message("ack")["status"] == "ok"
        caller.wait_for_end()

    with RoughGateway(script) as gateway, board_of(tmp_path, gateway.url) as board:
        board.expect(f"HEAP commands {MESSAGES // 2} ", deadline_s=DEADLINE_S)
        assert growth(heaps(board, "commands")) <= GROWTH_BYTES_MAX, heaps(board, "commands")
