"""The threads of a gateway cannot wait for each other forever: they take their locks in one order."""

from __future__ import annotations

import pytest

from tests.support.app import RunningApp
from tests.support.board import board_at
from tests.support.lock_order import LockOrder

pytestmark = pytest.mark.asyncio


async def test_no_two_locks_are_taken_in_both_orders() -> None:
    with LockOrder() as order:
        for _ in range(2):
            async with RunningApp() as gateway, board_at(gateway, "pico", commands={"led": {}}) as board:
                for number in range(20):
                    await board.send("telemetry", values={"t": number})
                    await board.send("log", message=f"line {number}", level="info")
                assert await gateway.parts.recorder.wait_until_durable(20)
                gateway.parts.history.flush_now()
                journal = gateway.parts.journal
                journal.flush_now()
                assert await journal.writer.wait_until_written(journal.position, 20)
                assert await gateway.parts.recorder.wait_until_durable(20)

    assert order.taken
    assert order.both_ways() == []
