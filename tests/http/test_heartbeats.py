"""Heartbeats wear no memory card: they are synced with the next news, or within a minute."""

from __future__ import annotations

import time

import pytest

from tests.support.app import RunningApp
from tests.support.board import board_at

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_heartbeat_is_not_synced_by_itself() -> None:
    async with RunningApp() as gateway, board_at(gateway, "quiet") as board:
        parts = gateway.parts
        assert await parts.recorder.wait_until_durable(20)
        syncs: list[str] = []
        parts.journal.urge = lambda: syncs.append("urged")

        parts.hub._connected["quiet"].link.tick(time.monotonic() + parts.settings.heartbeat_s)  # type: ignore[attr-defined]
        beat = await board.receive("ping")
        await board.send("pong", time=beat["time"])
        await board.send("ping")
        await board.receive("pong")

        assert (syncs, parts.journal.has_news) == ([], False)

        await board.send("log", message="the window is open")
        await board.send("ping")
        await board.receive("pong")

        assert (syncs, parts.journal.has_news) == (["urged"], True)
