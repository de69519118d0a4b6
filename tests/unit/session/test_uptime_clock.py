"""The uptime clock: what a board says is put at the time it happened, whatever the link did meanwhile."""

from __future__ import annotations

import random

import pytest

from darvaz.gateway.session.uptime_clock import WRAP_MS, UptimeClock

# The monotonic second at which the board of these tests started.
STARTED_S = 1_000.0


def test_the_time_of_a_fresh_message_is_its_arrival() -> None:
    clock = UptimeClock()

    assert clock.happened_s(5_000, STARTED_S + 5.0) == STARTED_S + 5.0


def test_messages_that_waited_on_the_board_are_put_where_they_happened() -> None:
    clock = UptimeClock()
    clock.observe_arrival(3_600_000, STARTED_S + 3_600.0)

    happened = [clock.happened_s(second * 1_000, STARTED_S + 3_600.1) for second in range(3_000, 3_600, 2)]

    assert happened == pytest.approx([STARTED_S + second for second in range(3_000, 3_600, 2)], abs=0.001)


def test_what_waited_is_right_also_before_anything_fresh_came_but_the_introduction() -> None:
    clock = UptimeClock()
    clock.observe_arrival(600_000, STARTED_S + 600.0)

    assert clock.happened_s(1_000, STARTED_S + 600.05) == pytest.approx(STARTED_S + 1.0, abs=0.001)


def test_a_ping_takes_the_transit_out() -> None:
    clock = UptimeClock()
    clock.observe_arrival(10_000, STARTED_S + 10.4)
    clock.observe_exchange(20_000, STARTED_S + 19.6, STARTED_S + 20.4)

    assert clock.happened_s(15_000, STARTED_S + 20.5) == pytest.approx(STARTED_S + 15.0, abs=0.02)


@pytest.mark.parametrize("drift", [-200e-6, 200e-6])
def test_a_board_that_runs_fast_or_slow_is_followed(drift: float) -> None:
    chance = random.Random(1)
    clock = UptimeClock()
    worst_s = 0.0
    for second in range(0, 200_000, 20):
        uptime_ms = int(second * (1 + drift) * 1_000)
        received_s = STARTED_S + second + chance.uniform(0.002, 0.2)
        worst_s = max(worst_s, abs(clock.happened_s(uptime_ms, received_s) - (STARTED_S + second)))

    assert worst_s < 0.25


def test_an_uptime_of_32_bits_may_start_again() -> None:
    clock = UptimeClock()
    clock.observe_arrival(WRAP_MS - 10_000, STARTED_S)

    late = clock.happened_s(5_000, STARTED_S + 15.0)
    waited = clock.happened_s(WRAP_MS - 5_000, STARTED_S + 15.1)

    assert late == pytest.approx(STARTED_S + 15.0, abs=0.02)
    assert waited == pytest.approx(STARTED_S + 5.0, abs=0.02)


def test_what_waited_since_before_the_counter_started_again_is_put_where_it_happened() -> None:
    clock = UptimeClock()
    clock.observe_arrival(5_000, STARTED_S)

    assert clock.happened_s(WRAP_MS - 10_000, STARTED_S) == pytest.approx(STARTED_S - 15.0)
    assert clock.happened_s(6_000, STARTED_S + 1.0) == pytest.approx(STARTED_S + 1.0)


def test_nothing_happens_after_its_arrival() -> None:
    chance = random.Random(2)
    clock = UptimeClock()
    now_s = STARTED_S
    for _ in range(2_000):
        now_s += chance.random()
        sent_s = now_s - chance.random()
        if chance.random() < 0.3:
            clock.observe_exchange(chance.randrange(WRAP_MS), sent_s, now_s)
        assert clock.happened_s(chance.randrange(2 * WRAP_MS), now_s) <= now_s
