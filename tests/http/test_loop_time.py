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
from tests.support.large_requests import GROUP, large_body
from tests.support.loop_time import measured_loop
from tests.support.many_devices import connect_many, remember_many

pytestmark = pytest.mark.asyncio(loop_scope="module")

# In one piece, the list of those with a link takes 10 ms, their tokens 7 ms, the page of the journal 15 ms, and a new
# name for the group of all 44 ms.
CONNECTED = 1_000
DEVICES = 3_000
ENTRIES = 1_000
LONGEST_S = 0.005
# What is made is read, and forgotten at last.
TURNS = {"GET": 1, "DELETE": 2}
OPERATIONS_IN_ORDER: list[Operation] = sorted(OPERATIONS, key=lambda operation: TURNS.get(operation.method, 0))
QUERIES = {"read_journal": f"limit={ENTRIES}", "watch_events": "last_event_id=1"}
VALUES = {
    "device": "board-00007",
    "name": "name_07",
    "time_ms": "1",
    "group": GROUP,
    "rollout": "1",
}
COMMANDS = {"send_command": "command_07", "send_to_many": "command_07"}
# Answered as they should be, so that the work is done.
DONE = [
    "change_group", "delete_group", "send_to_many", "send_command", "change_words", "add_layout", "add_person",
    "issue_invitation", "draw_code", "add_release", "begin_rollout", "read_rollout", "serve_assistant",
]  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def full() -> AsyncIterator[RunningApp]:
    """A gateway with much to tell."""
    async with RunningApp() as running:
        parts = running.parts
        for device in connect_many(parts, CONNECTED):
            parts.access.tokens.issue("pico", device=device)
        remember_many(parts, CONNECTED, DEVICES)
        for device in parts.devices.after(""):
            parts.groups.add(GROUP, device)
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
    values = VALUES | {"name": COMMANDS.get(operation.name, VALUES["name"])}
    path = re.sub(r"\{(\w+)\}", lambda match: values.get(match.group(1), "unknown"), operation.path)
    body = None if operation.body is None else large_body(operation.name)
    return client.build_request(operation.method, f"{path}?{QUERIES.get(operation.name, '')}", json=body)


@pytest.mark.parametrize("operation", OPERATIONS_IN_ORDER, ids=lambda one: f"{one.method} {one.path}")
async def test_no_request_holds_the_event_loop(full: RunningApp, operation: Operation) -> None:
    async with full.client() as client:
        # What the client does of it is not the gateway's.
        request = request_of(client, operation)
        with measured_loop() as loop_time:
            response = await client.send(request, stream=True)
            with contextlib.suppress(TimeoutError):
                # Streams have no end.
                async with asyncio.timeout(0.2):
                    async for _ in response.aiter_raw():
                        pass
            await response.aclose()

    assert response.status_code < (300 if operation.name in DONE else 500)
    assert loop_time.longest_s < LONGEST_S, loop_time.callback
