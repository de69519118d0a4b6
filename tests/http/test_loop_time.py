"""The event loop never stands for long, whatever is requested: the processor time of its longest callback."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import re
from collections.abc import AsyncIterator, Iterator

import httpx
import msgspec
import pytest
import pytest_asyncio

from darvaz.gateway.access.people import PEOPLE_MAX
from darvaz.gateway.access.roles import Grant
from darvaz.gateway.alerts.rules import RuleFields
from darvaz.gateway.api.operations import Operation
from darvaz.gateway.api.routes import OPERATIONS
from darvaz.gateway.journal.flush import wait_until_written
from darvaz.gateway.layouts import LAYOUTS_MAX, LayoutFields
from darvaz.gateway.rules.records import RULES_MAX, ActionRuleFields
from darvaz.protocol.codec import MessageCodec
from tests.support.app import WRITTEN_DEADLINE_S, RunningApp
from tests.support.board import board_at
from tests.support.large_requests import CHANNELS, GRANTS, GROUP, large_body, large_introduction
from tests.support.loop_time import measured_loop
from tests.support.many_devices import connect_many, remember_many

pytestmark = pytest.mark.asyncio(loop_scope="module")

# In one piece, the list of those with a link takes 10 ms, their tokens 7 ms, the page of the journal 15 ms, and a new
# name for the group of all 44 ms.
CONNECTED = 1_000
DEVICES = 3_000
ENTRIES = 1_000
TEXT_BYTES_MAX = MessageCodec().numbers["text_bytes_max"]
LONGEST_S = 0.005
# What is made is read, and forgotten at last.
TURNS = {"GET": 1, "DELETE": 2}
# Announces a thousand boards in the network, and hears that itself.
LAST = "change_home_assistant"
OPERATIONS_IN_ORDER: list[Operation] = sorted(
    OPERATIONS, key=lambda operation: (operation.name == LAST, TURNS.get(operation.method, 0))
)
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
    "issue_invitation", "draw_code", "add_release", "begin_rollout", "read_rollout", "serve_assistant", "change_person",
    "issue_person_link", "change_layout", "add_alert_rule", "change_alert_rule", "put_alert_channel", "add_rule",
    "change_rule", "run_rule", "change_home_assistant", "issue_token", "change_device",
    "remove_layout", "remove_person", "remove_alert_rule", "remove_alert_channel", "remove_rule", "list_alerts",
    "list_alert_rules", "list_rules", "list_layouts", "list_people",
]  # fmt: skip
# There are as many as there may be, but for one.
ALERT_RULES, RULES, PEOPLE, LAYOUTS = 3_000, RULES_MAX - 1, PEOPLE_MAX - 1, LAYOUTS_MAX - 1
# What was made for the operations below a path.
MADE: dict[str, dict[str, str]] = {}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def full() -> AsyncIterator[RunningApp]:
    """A gateway with much to tell."""
    async with RunningApp(home_assistant_addresses="127.0.0.1", home_assistant_port=0) as running:
        parts = running.parts
        for device in connect_many(parts, CONNECTED):
            parts.access.tokens.issue("pico", device=device)
        remember_many(parts, CONNECTED, DEVICES)
        for device in parts.devices.after(""):
            parts.groups.add(GROUP, device)
        for number in range(ENTRIES):
            parts.journal.record("board-00007", "pico", "192.0.2.7", "<", "log", f"{number} " + "x" * 15_000)
        await make_many(running)
        await wait_until_written(parts.journal, WRITTEN_DEADLINE_S)
        await parts.tables.look(20)
        own_memory()
        with no_collection():
            yield running


async def make_many(gateway: RunningApp) -> None:
    """Makes rules, people, dashboards and channels, and notes the ids of the last."""
    parts = gateway.parts
    for name in CHANNELS:
        parts.alerts.messages.put_channel(name, "json://127.0.0.1:9", "json://127.0.0.1:9")
    for number in range(ALERT_RULES):
        offline = RuleFields(when="offline", for_s=60, device=f"board-{number:05}", title="x" * 64)
        alert_rule = await parts.alerts.put_rule(offline)
    for _ in range(RULES):
        rule = await parts.rules.put(msgspec.convert(large_body("add_rule"), ActionRuleFields))
    for number in range(PEOPLE):
        person = parts.operators.people.add(f"person {number}", "user", msgspec.convert(GRANTS, tuple[Grant, ...]))
    for _ in range(LAYOUTS):
        layout = parts.layouts.put(msgspec.convert(large_body("add_layout"), LayoutFields))
    MADE.update({
        "/api/alert-rules/": {"rule": alert_rule.id},
        "/api/rules/": {"rule": rule.id},
        "/api/people/": {"person": person.person_id},
        "/api/layouts/": {"layout": layout.id},
        "/api/alert-channels/": {"channel": CHANNELS[0]},
    })  # fmt: skip


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
    made = next((found for path, found in MADE.items() if operation.path.startswith(path)), {})
    values = VALUES | {"name": COMMANDS.get(operation.name, VALUES["name"])} | made
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


async def test_the_largest_introduction_and_what_follows_do_not_hold_the_event_loop(full: RunningApp) -> None:
    introduction = large_introduction(TEXT_BYTES_MAX - 100)
    values = dict.fromkeys(introduction["telemetry"], 21.5)

    with measured_loop() as loop_time:
        async with board_at(full, "largest", **introduction) as board:
            await board.send("telemetry", values=values)
            await board.send("log", message="x" * 1_000)
            await board.send("ping")
            await board.receive("pong")

    assert len(json.dumps(introduction)) > TEXT_BYTES_MAX - 1_000
    assert loop_time.longest_s < LONGEST_S, loop_time.callback
