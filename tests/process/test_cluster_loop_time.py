"""What comes from other gateways holds no event loop: a rollout of thousands of boards, thousands of entries."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any, cast

import pytest

from darvaz.gateway.releases.rollout import RolloutPlan
from tests.http.test_loop_time import LONGEST_S, no_collection, own_memory
from tests.support.app import RunningApp
from tests.support.loop_time import measured_loop
from tests.support.nats_server import NatsServer

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("cluster"), pytest.mark.timeout(240)]

BOARDS, ENTRIES, TOGETHER = 5_000, 5_000, 25
DEADLINE_S = 120.0


def leads(gateway: RunningApp) -> bool:
    return gateway.parts.updater.coordination.is_leading


def targets_at(gateway: RunningApp) -> list[str]:
    rollout = gateway.parts.updater.store.rollouts.get(1)
    return [] if rollout is None else list(rollout.targets)


async def until(is_so: Any) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not is_so():  # noqa: ASYNC110 (nobody tells)
            await asyncio.sleep(0.05)


async def begin(gateway: RunningApp) -> None:
    """Begins a rollout to boards that are all away, as many at once as one request does."""
    store = gateway.parts.updater.store
    release = store.add_release("", "nima", [], 1_000.0)
    rollout = store.new_rollout(release.number, RolloutPlan(), "nima", 1_000.0)
    for first in range(0, BOARDS, TOGETHER):
        # The order is another one than that of the ids.
        store.add_targets(rollout, [f"board-{BOARDS - number:05}" for number in range(first, first + TOGETHER)])
        await asyncio.sleep(0)
    store.list_rollout(rollout)


async def test_thousands_of_boards_are_taken_over_in_slices_and_in_order(tmp_path: Path) -> None:
    with NatsServer(tmp_path) as nats:
        async with RunningApp(cluster=nats.url) as one:
            await until(lambda: leads(one))
            async with RunningApp(cluster=nats.url) as two:
                await until(lambda: len(two.parts.cluster.state().nodes) == 2)
                own_memory()
                with no_collection(), measured_loop() as loop_time:
                    await begin(one)
                    await until(lambda: len(targets_at(two)) == BOARDS)
                    # As one that is about to stop.
                    cast(Any, one.parts.hub.elsewhere).moves.is_handing_over = True
                    await until(lambda: leads(two))
                    await until(lambda: not leads(one))

                assert targets_at(two) == targets_at(one)
    assert loop_time.longest_s < LONGEST_S, loop_time.callback


async def test_thousands_of_entries_of_another_gateway_are_taken_over_in_slices(tmp_path: Path) -> None:
    with NatsServer(tmp_path) as nats:
        async with RunningApp(cluster=nats.url) as one, RunningApp(cluster=nats.url) as two:
            await until(lambda: len(one.parts.cluster.state().nodes) == len(two.parts.cluster.state().nodes) == 2)
            own_memory()
            with no_collection(), measured_loop() as loop_time:
                now_ms = int(time.time() * 1000)
                for number in range(ENTRIES):
                    device, text = f"board-{number % 50}", json.dumps({"type": "telemetry", "values": {"t": number}})
                    report = ("<", "telemetry", text)
                    one.parts.journal.extend(now_ms, device, "pico", "192.0.2.1", [report], len(text))
                    if not number % TOGETHER:
                        await asyncio.sleep(0)
                await until(lambda: two.parts.journal.newest_id >= ENTRIES)

    assert loop_time.longest_s < LONGEST_S, loop_time.callback
