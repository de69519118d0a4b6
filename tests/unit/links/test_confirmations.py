"""Pings of a board that numbers its messages are answered once what came before them is durable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from darvaz.gateway.links.confirmations import Confirmations


class Disk:
    """A recorder and a connection that remember what they were asked."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[bool], None]] = []
        self.urged = 0
        self.written: list[bytes] = []
        self.answer: Callable[[bytes], None]

    def when_durable(self, answer: Callable[[bool], None]) -> None:
        self.waiting.append(answer)

    def urge(self) -> None:
        self.urged += 1

    def answer_pings(self, answer: Callable[[bytes], None]) -> None:
        self.answer = answer

    def write(self, packet: bytes, count: int = 1) -> None:
        self.written.append(packet[2:])

    def finish(self, *, is_durable: bool = True) -> None:
        self.waiting.pop(0)(is_durable)


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def confirmations(disk: Disk) -> Confirmations:
    return Confirmations(cast(Any, disk))


def note(confirmations: Confirmations, disk: Disk, *, is_urgent: bool = False) -> None:
    confirmations.note(cast(Any, disk), is_urgent)


def test_a_pong_waits_until_what_came_before_is_durable(confirmations: Confirmations, disk: Disk) -> None:
    note(confirmations, disk)
    disk.answer(b"1")
    before = list(disk.written)
    disk.finish()

    assert before == [] and disk.written == [b"1"]
    assert disk.urged == 0


def test_a_ping_without_anything_new_is_answered_at_once(confirmations: Confirmations, disk: Disk) -> None:
    note(confirmations, disk)
    disk.answer(b"1")
    disk.finish()
    disk.answer(b"2")

    assert disk.written == [b"1", b"2"] and disk.waiting == []


def test_more_than_readings_are_synced_soon(confirmations: Confirmations, disk: Disk) -> None:
    note(confirmations, disk, is_urgent=True)
    note(confirmations, disk)
    disk.answer(b"1")

    assert disk.urged == 1


def test_of_the_pings_behind_one_that_waits_the_newest_is_answered(confirmations: Confirmations, disk: Disk) -> None:
    note(confirmations, disk)
    disk.answer(b"1")
    note(confirmations, disk)
    disk.answer(b"2")
    disk.answer(b"3")
    disk.finish()
    first = list(disk.written)
    disk.finish()

    assert first == [b"1"] and disk.written == [b"1", b"3"]


def test_without_durability_there_is_no_pong_and_the_next_ping_waits(confirmations: Confirmations, disk: Disk) -> None:
    note(confirmations, disk)
    disk.answer(b"1")
    disk.finish(is_durable=False)
    disk.answer(b"2")
    before = list(disk.written)
    disk.finish()

    assert before == [] and disk.written == [b"2"]
