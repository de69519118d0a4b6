"""The event loop never stands for long, whatever is requested: the processor time of its longest callback."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import re
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import pytest_asyncio

from darvaz.gateway.api.operations import Operation
from darvaz.gateway.api.routes import OPERATIONS
from darvaz.gateway.journal.flush import wait_until_written
from tests.support.app import WRITTEN_DEADLINE_S, RunningApp
from tests.support.loop_time import measured_loop
from tests.support.many_devices import connect_many

pytestmark = pytest.mark.asyncio(loop_scope="module")

# In one piece, the list of these takes 10 ms, their tokens 7 ms, and the page of the journal 15 ms.
DEVICES = 1_000
ENTRIES = 1_000
LONGEST_S = 0.005
# One of these forgets the device.
OPERATIONS_IN_ORDER: list[Operation] = sorted(OPERATIONS, key=lambda operation: operation.method == "DELETE")
QUERIES = {"read_journal": f"limit={ENTRIES}", "watch_events": "last_event_id=1"}
VALUES = {
    "device": "board-00007",
    "name": "name_07",
    "time_ms": "1",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def full() -> AsyncIterator[RunningApp]:
    """A gateway with much to tell."""
    async with RunningApp() as running:
        parts = running.parts
        connect_many(parts, DEVICES)
        for number in range(DEVICES):
            parts.access.tokens.issue("pico", device=f"board-{number:05}")
        for number in range(ENTRIES):
            parts.journal.record("board-00007", "pico", "192.0.2.7", "<", "log", f"{number} " + "x" * 15_000)
        await wait_until_written(parts.journal, WRITTEN_DEADLINE_S)
        await parts.tables.look(20)
        own_memory()
        with no_collection():
            yield running


def own_memory() -> None:
    """Makes memory its own that this process, a fork, shares: what is copied later would count as time of the loop."""
    gc.unfreeze()
    # Counts a reference to each object.
    gc.get_objects()
    gc.freeze()


@contextlib.contextmanager
def no_collection() -> Iterator[None]:
    """Leaves out the collector, which would walk the objects of all tests; the gateway exempts its own."""
    gc.disable()
    yield
    gc.enable()


def request_of(client: httpx.AsyncClient, operation: Operation) -> httpx.Request:
    path = re.sub(r"\{(\w+)\}", lambda match: VALUES.get(match.group(1), "unknown"), operation.path)
    body: dict[str, str] | None = None if operation.body is None else {}
    return client.build_request(operation.method, f"{path}?{QUERIES.get(operation.name, '')}", json=body)


@pytest.mark.parametrize("operation", OPERATIONS_IN_ORDER, ids=lambda one: f"{one.method} {one.path}")
async def test_no_request_holds_the_event_loop(full: RunningApp, operation: Operation) -> None:
    with measured_loop() as loop_time:
        async with full.client() as client:
            response = await client.send(request_of(client, operation), stream=True)
            with contextlib.suppress(TimeoutError):
                # Streams have no end.
                async with asyncio.timeout(0.2):
                    async for _ in response.aiter_raw():
                        pass
            await response.aclose()

    assert response.status_code < 500
    assert loop_time.longest_s < LONGEST_S, loop_time.callback
