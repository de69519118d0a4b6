"""Rate limits: how many events, how long, for how many networks."""

from __future__ import annotations

import pytest

from darvaz.gateway.access.rate_limiter import NETWORKS_MAX, RateLimiter
from tests.support.clock import Clock


@pytest.fixture
def limiter(clock: Clock) -> RateLimiter:
    return RateLimiter(events_max=3, window_s=60.0, monotonic_s=clock)


def count(limiter: RateLimiter, address: str, times: int) -> None:
    for _ in range(times):
        limiter.count(address)


def test_as_many_events_as_allowed_block_and_one_fewer_does_not(limiter: RateLimiter) -> None:
    count(limiter, "10.0.0.1", 2)
    assert limiter.wait_s("10.0.0.1") is None

    limiter.count("10.0.0.1")

    assert limiter.wait_s("10.0.0.1") == 60.0


def test_another_address_is_not_blocked(limiter: RateLimiter) -> None:
    count(limiter, "10.0.0.1", 3)

    assert limiter.wait_s("10.0.0.2") is None


def test_the_wait_ends_when_the_oldest_event_leaves_the_window(limiter: RateLimiter, clock: Clock) -> None:
    limiter.count("10.0.0.1")
    clock.now_s += 20
    count(limiter, "10.0.0.1", 2)
    assert limiter.wait_s("10.0.0.1") == 40.0

    clock.now_s += 40

    assert limiter.wait_s("10.0.0.1") is None


def test_more_events_than_allowed_are_not_kept(limiter: RateLimiter, clock: Clock) -> None:
    count(limiter, "10.0.0.1", 1000)

    clock.now_s += 60

    assert limiter.wait_s("10.0.0.1") is None


def test_a_cleared_address_starts_again(limiter: RateLimiter) -> None:
    count(limiter, "10.0.0.1", 3)

    limiter.clear("10.0.0.1")
    limiter.clear("10.0.0.9")

    assert limiter.wait_s("10.0.0.1") is None


def test_one_address_beyond_the_maximum_drops_the_oldest(clock: Clock) -> None:
    limiter = RateLimiter(events_max=1, window_s=60.0, monotonic_s=clock, networks_max=2)
    limiter.count("10.0.0.1")
    limiter.count("10.0.0.2")
    limiter.count("10.0.0.1")

    limiter.count("10.0.0.3")

    assert len(limiter) == 2
    assert limiter.wait_s("10.0.0.2") is None
    assert limiter.wait_s("10.0.0.1") == 60.0


def test_the_table_never_holds_more_than_its_named_maximum(limiter: RateLimiter) -> None:
    for number in range(NETWORKS_MAX + 1):
        limiter.count(f"10.0.{number // 256}.{number % 256}")

    assert len(limiter) == NETWORKS_MAX


def test_an_address_without_recent_events_leaves_the_table(limiter: RateLimiter, clock: Clock) -> None:
    limiter.count("10.0.0.1")
    clock.now_s += 60

    assert limiter.wait_s("10.0.0.1") is None

    assert len(limiter) == 0
