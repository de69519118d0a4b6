"""What concerns thousands of boards does not hold the event loop: alerts, rollouts, and rows from elsewhere."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

import pytest
import pytest_asyncio

from darvaz.gateway.storage.database import DATABASE_NAME
from tests.http.test_loop_time import LONGEST_S, no_collection, own_memory
from tests.support.app import RunningApp
from tests.support.loop_time import measured_loop
from tests.support.many_devices import REPORTING_MAX, connect_many, remember_many
from tests.support.played_updates import deploy

pytestmark = pytest.mark.asyncio(loop_scope="module")

CONNECTED, DEVICES, LINKS = 1_000, 3_000, 5_000
GROUP = "hall"
AWAY = DEVICES - CONNECTED
DEADLINE_S = 60.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def full() -> AsyncIterator[RunningApp]:
    """A gateway with thousands of boards in one group, most of them away."""
    async with RunningApp() as running:
        parts = running.parts
        connect_many(parts, CONNECTED)
        remember_many(parts, CONNECTED, DEVICES)
        for known in parts.devices.after(""):
            parts.groups.add(GROUP, known)
            parts.bus.publish_presence(known)
        await parts.tables.look(DEADLINE_S)
        own_memory()
        with no_collection():
            yield running


async def until_active(gateway: RunningApp, count: int) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while True:
            if len(gateway.parts.alerts.book.active) == count:
                return
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ({"when": "below", "value": "name_07", "threshold": 30}, REPORTING_MAX),
        ({"when": "offline", "for_s": 0.1}, AWAY),
        ({"when": "event", "event": "crash"}, 0),
    ],
    ids=lambda value: value["when"] if isinstance(value, dict) else "",
)
async def test_a_rule_for_a_group_of_thousands_comes_true_and_ends_in_slices(
    full: RunningApp, fields: dict[str, Any], count: int
) -> None:
    with measured_loop() as loop_time:
        made = await full.post("/api/alert-rules", json=fields | {"group": GROUP})
        await until_active(full, count)
        await full.parts.tables.look(DEADLINE_S)
        changed = await full.ask("PUT", f"/api/alert-rules/{made.json()['id']}", json=fields)
        await until_active(full, count)
        removed = await full.ask("DELETE", f"/api/alert-rules/{made.json()['id']}")
        await until_active(full, 0)
        await full.parts.tables.look(DEADLINE_S)

    assert (made.status_code, changed.status_code, removed.status_code) == (201, 200, 204)
    assert loop_time.longest_s < LONGEST_S, loop_time.callback


async def test_a_second_rollout_to_thousands_is_taken_into_memory_in_slices(full: RunningApp) -> None:
    await deploy(full, GROUP, main=b"first")
    await full.parts.tables.look(DEADLINE_S)
    with measured_loop() as loop_time:
        number = await deploy(full, GROUP, main=b"second")
        await full.parts.tables.look(DEADLINE_S)

    stored = full.parts.tables.execute("SELECT count(*) FROM rollout_targets WHERE rollout = ?", (number,)).fetchone()
    assert stored == (DEVICES,)
    assert loop_time.longest_s < LONGEST_S, loop_time.callback


async def test_thousands_of_rows_of_another_process_come_in_slices(full: RunningApp) -> None:
    rows = [(f"link {number}", b"secret", "viewer", 1.0, 9e9) for number in range(LINKS)]
    with closing(sqlite3.connect(full.parts.settings.data_path / DATABASE_NAME)) as elsewhere, elsewhere:
        elsewhere.executemany(
            "INSERT INTO sign_in_links (id, secret_sha256, role, created_s, expires_s) VALUES (?, ?, ?, ?, ?)", rows
        )
    with measured_loop() as loop_time:
        await full.parts.tables.look(DEADLINE_S)

    known = full.parts.tables.execute("SELECT count(*) FROM sign_in_links WHERE id LIKE 'link %'").fetchone()
    assert known == (LINKS,)
    assert loop_time.longest_s < LONGEST_S, loop_time.callback
