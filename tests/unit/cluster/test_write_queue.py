"""Writes in the background: the newest of each key, many keys at once, and again what was not written."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from darvaz.gateway.cluster import write_queue
from darvaz.gateway.cluster.connection import ClusterError, NatsConnection
from darvaz.gateway.cluster.write_queue import AT_ONCE_MAX, WriteQueue

CONNECTION = cast(NatsConnection, object())


class Store:
    """What writes go to: each waits for `go`, and the first `failures` fail."""

    def __init__(self, failures: int = 0) -> None:
        self.written: list[tuple[str, int]] = []
        self.most_at_once = self.now = 0
        self.go = asyncio.Event()
        self._failures = failures

    async def write(self, connection: NatsConnection, key: str, what: int) -> None:
        self.now += 1
        self.most_at_once = max(self.most_at_once, self.now)
        try:
            await self.go.wait()
            if self._failures:
                self._failures -= 1
                raise ClusterError("no leader")
            self.written.append((key, what))
        finally:
            self.now -= 1


@contextlib.asynccontextmanager
async def running(queue: WriteQueue[int]) -> AsyncIterator[None]:
    task = asyncio.create_task(queue.run(CONNECTION))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until(is_so: Any) -> None:
    async with asyncio.timeout(30):
        while not is_so():  # noqa: ASYNC110 (nobody tells)
            await asyncio.sleep(0)


async def test_only_the_newest_of_a_key_is_written_and_one_after_the_other() -> None:
    store = Store()
    queue = WriteQueue[int](store.write)
    queue.want("a", 1)
    async with running(queue):
        await until(lambda: store.now == 1)
        queue.want("a", 2)
        queue.want("a", 3)
        store.go.set()
        await until(lambda: len(queue) == 0)

    assert store.written == [("a", 1), ("a", 3)]
    assert store.most_at_once == 1


async def test_no_more_than_the_maximum_are_written_at_once() -> None:
    store = Store()
    queue = WriteQueue[int](store.write)
    for number in range(AT_ONCE_MAX + 1):
        queue.want(str(number), number)
    async with running(queue):
        await until(lambda: store.now == AT_ONCE_MAX)
        store.go.set()
        await until(lambda: len(queue) == 0)

    assert store.most_at_once == AT_ONCE_MAX
    assert len(store.written) == AT_ONCE_MAX + 1


async def test_what_was_not_written_is_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_queue, "_RETRY_S", 0.0)
    store = Store(failures=2)
    queue = WriteQueue[int](store.write)
    store.go.set()
    queue.want("a", 1)
    async with running(queue):
        await until(lambda: len(queue) == 0)

    assert store.written == [("a", 1)]


async def test_what_was_under_way_when_the_connection_ended_waits_for_another() -> None:
    store = Store()
    queue = WriteQueue[int](store.write)
    queue.want("a", 1)
    async with running(queue):
        await until(lambda: store.now == 1)
    left = len(queue)
    store.go.set()
    async with running(queue):
        await until(lambda: len(queue) == 0)

    assert (left, store.written) == (1, [("a", 1)])


async def test_who_waits_goes_on_once_everything_is_written() -> None:
    store = Store(failures=1)
    queue = WriteQueue[int](store.write)
    await queue.wait_until_written()
    queue.want("a", 1)
    waiting = asyncio.create_task(queue.wait_until_written())
    async with running(queue):
        await until(lambda: store.now == 1)
        queue.want("a", 2)
        assert not waiting.done()
        store.go.set()
        async with asyncio.timeout(30):
            await waiting

    assert store.written[-1] == ("a", 2)
