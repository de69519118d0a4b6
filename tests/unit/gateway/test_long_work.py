"""Long work: slices of all callers take turns, and others run in between."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

from darvaz.gateway.long_work import SLICE_S, LongWork, WorkQueue


class Clock:
    """A clock that goes on with each result."""

    now_s = 0.0

    def read(self) -> float:
        return self.now_s


async def test_others_run_between_the_slices_of_all_callers() -> None:
    clock, done = Clock(), list[str]()
    work = LongWork(clock.read)

    def results(name: str) -> Iterator[str]:
        for number in range(4):
            clock.now_s += SLICE_S / 2
            done.append(name)
            yield f"{name}{number}"

    async def other() -> None:
        while len(done) - done.count("|") < 8:
            done.append("|")
            await asyncio.sleep(0)

    first, second, _ = await asyncio.gather(work.collect(results("a")), work.collect(results("b")), other())

    assert (first, second) == (["a0", "a1", "a2", "a3"], ["b0", "b1", "b2", "b3"])
    turns = "".join(done).split("|")
    assert all(len(turn) <= 2 for turn in turns), done


async def test_work_that_ends_within_a_slice_does_not_wait() -> None:
    waiting = LongWork(lambda: 0.0).collect(iter("abc"))

    try:
        waiting.send(None)
    except StopIteration as end:
        assert end.value == ["a", "b", "c"]
    else:
        raise AssertionError("it waited")


async def test_pieces_of_a_queue_run_in_their_order_and_others_between_their_slices() -> None:
    clock, done = Clock(), list[str]()
    queue = WorkQueue(clock.read)

    def steps(name: str) -> Iterator[None]:
        for _ in range(4):
            clock.now_s += SLICE_S / 2
            done.append(name)
            yield

    async def other() -> None:
        while len(done) - done.count("|") < 8:
            done.append("|")
            await asyncio.sleep(0)

    async def add() -> None:
        queue.add(steps("a"))
        queue.add(steps("b"))
        await queue.wait()

    await asyncio.gather(add(), other())

    assert "".join(done).replace("|", "") == "aaaabbbb"
    assert all(len(turn) <= 2 for turn in "".join(done).split("|")), done


async def test_a_piece_of_a_queue_that_fails_holds_up_no_other() -> None:
    queue, done = WorkQueue(), list[str]()

    def failing() -> Iterator[None]:
        yield
        raise KeyError

    def good() -> Iterator[None]:
        done.append("good")
        yield

    with contextlib.suppress(KeyError):
        queue.add(failing())
    queue.add(good())
    await queue.wait()

    assert done == ["good"]
