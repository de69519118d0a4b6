"""The timer wheel: each link is called at its deadline, and when its token is revoked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from darvaz.gateway.devices.deadlines import SLOT_S, TOKENS_EVERY_S, TimerWheel

_DEADLINE_S = 5.0


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class RecordingLink:
    """A link that notes when it is called, and wants to be called again."""

    def __init__(self, token_id: str | None = None, again_s: float | None = None) -> None:
        self.slot = 0
        self.token_id = token_id
        self.ticks: list[float] = []
        self.revocations = 0
        self._again_s = again_s

    def tick(self, now_s: float) -> float | None:
        self.ticks.append(now_s)
        return None if self._again_s is None else now_s + self._again_s

    def revoke(self) -> None:
        self.revocations += 1


class FailingLink(RecordingLink):
    def tick(self, now_s: float) -> float | None:
        super().tick(now_s)
        raise ValueError("on purpose")


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(_DEADLINE_S):
        while not condition():  # noqa: ASYNC110 -- what is waited for has no event
            await asyncio.sleep(0.01)


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def after(clock: Clock, wheel: TimerWheel, delay_s: float) -> None:
    """Lets the time pass and the wheel handle what is due."""
    clock.now_s += delay_s
    seen = RecordingLink()
    wheel.join(seen, clock.now_s - 1)
    clock.now_s += SLOT_S
    await until(lambda: seen.ticks)
    wheel.leave(seen)


async def test_a_link_is_called_at_its_deadline_and_not_before(clock: Clock) -> None:
    wheel, link = TimerWheel(frozenset, clock), RecordingLink()
    wheel.join(link, clock.now_s + 60)

    await after(clock, wheel, 59)
    assert link.ticks == []
    await after(clock, wheel, 1 + SLOT_S)

    assert len(link.ticks) == 1 and link.ticks[0] >= 1060


async def test_a_link_is_called_at_each_deadline_that_it_returns(clock: Clock) -> None:
    wheel, link = TimerWheel(frozenset, clock), RecordingLink(again_s=10)
    wheel.join(link, clock.now_s + 10)

    for _ in range(5):
        await after(clock, wheel, 10 + SLOT_S)

    assert len(link.ticks) == 5


async def test_a_link_that_left_is_neither_called_nor_kept(clock: Clock) -> None:
    wheel, link = TimerWheel(frozenset, clock), RecordingLink()
    wheel.join(link, clock.now_s + 60)

    wheel.leave(link)
    await after(clock, wheel, 120)

    assert link.ticks == []
    assert wheel._links == set() and not any(wheel._slots.values())


async def test_after_a_jump_of_the_clock_every_due_slot_is_handled(clock: Clock) -> None:
    wheel, links = TimerWheel(frozenset, clock), [RecordingLink() for _ in range(10)]
    for number, link in enumerate(links):
        wheel.join(link, clock.now_s + 1000 * number)

    await after(clock, wheel, 86_400)

    assert [len(link.ticks) for link in links] == [1] * 10


async def test_an_exception_of_one_link_does_not_stop_the_others(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    wheel, failing, other = TimerWheel(frozenset, clock), FailingLink(), RecordingLink()
    wheel.join(failing, clock.now_s + 1)
    wheel.join(other, clock.now_s + 1)

    await after(clock, wheel, 2)
    await after(clock, wheel, 2)

    assert (len(failing.ticks), len(other.ticks)) == (2, 1)
    assert "on purpose" in caplog.text


async def test_a_link_with_a_revoked_token_is_called_once(clock: Clock) -> None:
    invalid: set[str] = {"old"}
    wheel = TimerWheel(lambda: frozenset(invalid), clock)
    revoked, other, without = RecordingLink("a"), RecordingLink("b"), RecordingLink()
    for link in (revoked, other, without):
        wheel.join(link, clock.now_s + 1000)
    await after(clock, wheel, TOKENS_EVERY_S)

    invalid.add("a")
    for _ in range(3):
        await after(clock, wheel, TOKENS_EVERY_S)

    assert (revoked.revocations, other.revocations, without.revocations) == (1, 0, 0)


async def test_the_timer_stops_while_there_are_no_links(clock: Clock) -> None:
    wheel, link = TimerWheel(frozenset, clock), RecordingLink()
    wheel.join(link, clock.now_s + 60)
    wheel.leave(link)

    await until(lambda: wheel._timer is None)
    wheel.join(link, clock.now_s)
    clock.now_s += 2 * SLOT_S

    await until(lambda: link.ticks)


async def test_the_timer_waits_for_the_next_deadline_or_check_and_no_slot_between(clock: Clock) -> None:
    calls, loop = list[int](), asyncio.get_running_loop()

    def note_check() -> frozenset[str]:
        calls.append(1)
        return frozenset()

    wheel = TimerWheel(note_check, clock)
    wheel.join(RecordingLink(), clock.now_s + 60)
    await until(lambda: calls)

    assert wheel._timer is not None
    assert wheel._timer.when() - loop.time() == pytest.approx(TOKENS_EVERY_S, abs=0.2)
    wheel.join(RecordingLink(), clock.now_s + 0.4)
    assert wheel._timer.when() - loop.time() == pytest.approx(0.4 + SLOT_S, abs=0.2)
