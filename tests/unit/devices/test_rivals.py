"""Two boards with one id: noticed by their coming back, told once a minute, then refused for a while."""

from __future__ import annotations

import pytest

from darvaz.gateway.devices.rivals import (
    BOARDS_MAX,
    DEVICES_MAX,
    RETURNS_MAX,
    RETURNS_TOLD,
    WINDOW_S,
    Rivals,
    RivalVerdict,
)
from tests.support.clock import Clock


@pytest.fixture
def rivals(clock: Clock) -> Rivals:
    return Rivals(clock)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def fight(rivals: Rivals, times: int, device: str = "twin") -> list[RivalVerdict]:
    """Has two boards replace each other, and returns the verdicts."""
    boards = ("one", "other")
    return [rivals.judge(device, boards[number % 2], boards[(number + 1) % 2]) for number in range(times)]


def test_two_boards_that_replace_each_other_are_told_once_and_then_refused(rivals: Rivals) -> None:
    # The first time, the other board is only new.
    verdicts = fight(rivals, 1 + RETURNS_MAX + 1)

    assert verdicts[RETURNS_TOLD] is RivalVerdict.TELL
    assert verdicts.count(RivalVerdict.TELL) == 1
    assert verdicts[-1] is RivalVerdict.REFUSE and verdicts.count(RivalVerdict.REFUSE) == 1
    assert rivals.wait_s("twin") == WINDOW_S


def test_after_the_window_they_are_let_in_and_told_again(rivals: Rivals, clock: Clock) -> None:
    fight(rivals, 1 + RETURNS_MAX)

    clock.now_s += WINDOW_S
    verdicts = fight(rivals, 1 + RETURNS_MAX)

    assert rivals.wait_s("twin") == WINDOW_S
    assert RivalVerdict.REFUSE not in verdicts and verdicts.count(RivalVerdict.TELL) == 1


def test_a_board_that_starts_again_and_again_is_let_in(rivals: Rivals) -> None:
    starts = [rivals.judge("one", f"boot-{number}", f"boot-{number + 1}") for number in range(100)]
    same_address = [rivals.judge("two", "192.0.2.1", "192.0.2.1") for _ in range(100)]

    assert set(starts) == set(same_address) == {RivalVerdict.FINE}


def test_boards_of_other_ids_are_let_in(rivals: Rivals) -> None:
    fight(rivals, 1 + RETURNS_MAX + 1)

    assert rivals.judge("another", "one", "other") is RivalVerdict.FINE
    assert rivals.wait_s("another") == rivals.wait_s("unknown") == 0.0


def test_a_board_that_moves_to_and_fro_slowly_is_let_in(rivals: Rivals, clock: Clock) -> None:
    verdicts = []
    for _ in range(20):
        verdicts += fight(rivals, 1)
        clock.now_s += WINDOW_S / 2
        verdicts.append(rivals.judge("twin", "other", "one"))
        clock.now_s += WINDOW_S / 2

    assert RivalVerdict.REFUSE not in verdicts


def test_beyond_their_maximum_the_oldest_devices_and_boards_are_forgotten(rivals: Rivals) -> None:
    for number in range(DEVICES_MAX + 1):
        fight(rivals, 1, f"device-{number}")
    for number in range(BOARDS_MAX + 1):
        rivals.judge("many", f"board-{number}", f"board-{number + 1}")

    assert len(rivals) == DEVICES_MAX
    assert [rivals.judge("many", "x", "board-0") for _ in range(RETURNS_TOLD)] == [RivalVerdict.FINE] * RETURNS_TOLD
