"""Reports that the history cannot take are told: in the journal, in the health, and in the metrics."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.api import until
from tests.support.app import RunningApp

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_dropped_reports_are_an_entry_of_the_journal_and_a_number_of_the_health() -> None:
    async with RunningApp() as gateway:
        history = gateway.parts.history
        # As if all places were taken: a test cannot keep the disk from emptying them.
        history._pending_reports_max = 0
        for _ in range(2):
            history.record("pico", 1_790_000_000.0, {"t": 1.0})
        history.writer.wake()

        async with asyncio.timeout(20):
            while not (found := await gateway.journal(type="history gap")):  # noqa: ASYNC110 -- it has no event
                await asyncio.sleep(0.01)
        health = await until(gateway, "/api/health", lambda answer: answer["history_reports_dropped"] == 2)

    assert str(found[0].payload).startswith("2 reports are missing in the history")
    assert health["history_reports_dropped"] == 2
