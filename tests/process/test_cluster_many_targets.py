"""A rollout of thousands of boards comes to a gateway, and is taken over there, without holding the event loop."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from darvaz.gateway.releases.rollout import RolloutPlan
from tests.http.test_loop_time import LONGEST_S, no_collection, own_memory
from tests.support.app import RunningApp
from tests.support.loop_time import measured_loop
from tests.support.nats_server import NatsServer

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("cluster"), pytest.mark.timeout(240)]

BOARDS, TOGETHER = 5_000, 25
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
