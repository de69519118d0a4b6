"""The steady clock: it goes on through jumps, and believes a wall clock that has settled."""

from __future__ import annotations

import pytest

from darvaz.gateway.steady_clock import JUMP_S, SETTLE_S, SteadyClock
from tests.support.clock import Clock

DAY_S = 86_400.0


class Clocks:
    """A wall clock, a monotonic one, and the steady clock of both."""

    def __init__(self) -> None:
        self.wall, self.running = Clock(), Clock()
        self.true_s = self.wall.now_s
        self.steady = SteadyClock(self.wall, self.running)

    def wait(self, seconds: float) -> None:
        self.true_s += seconds
        self.wall.now_s += seconds
        self.running.now_s += seconds


@pytest.fixture
def clocks() -> Clocks:
    made = Clocks()
    made.wait(2 * SETTLE_S)
    assert made.steady() == made.true_s
    return made


@pytest.mark.parametrize("jump_s", [60 * DAY_S, -2 * 3600.0, 366 * DAY_S, -10 * 366 * DAY_S])
def test_a_jump_for_a_minute_is_not_followed(clocks: Clocks, jump_s: float) -> None:
    clocks.wall.now_s += jump_s
    assert clocks.steady() == pytest.approx(clocks.true_s)
    clocks.wait(60)
    assert clocks.steady() == pytest.approx(clocks.true_s)
    clocks.wall.now_s -= jump_s

    assert clocks.steady() == pytest.approx(clocks.true_s)


def test_a_clock_that_stays_where_it_jumped_is_believed(clocks: Clocks) -> None:
    clocks.wall.now_s -= 7200
    assert clocks.steady() == pytest.approx(clocks.true_s)

    clocks.wait(SETTLE_S)

    assert clocks.steady() == pytest.approx(clocks.true_s - 7200)


def test_a_clock_that_jumps_again_must_settle_again(clocks: Clocks) -> None:
    for jump_s in (7200, 3600, 7200):
        clocks.wall.now_s += jump_s
        clocks.steady()
        clocks.wait(SETTLE_S - 1)
        assert clocks.steady() == pytest.approx(clocks.true_s)


def test_the_first_correction_after_a_start_is_followed_at_once() -> None:
    clocks = Clocks()
    clocks.wait(30)

    clocks.wall.now_s += 50 * 366 * DAY_S

    assert clocks.steady() == clocks.wall.now_s


def test_a_clock_that_is_slewed_is_followed(clocks: Clocks) -> None:
    for _ in range(100):
        clocks.wait(10)
        clocks.wall.now_s += JUMP_S / 2
        assert clocks.steady() == clocks.wall.now_s
