"""Searches of the journal by text and level, which read messages and end after a bounded time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from darvaz.gateway.journal import payload_search
from tests.support.app import RunningApp
from tests.support.board import board_at

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway() -> AsyncIterator[RunningApp]:
    async with RunningApp() as running:
        async with board_at(running, "talker") as board:
            await board.send("log", message="the Motor is stuck", level="error")
            await board.send("log", message="دمای گلخانه", level="warning")
            for number in range(150):
                await board.send("log", message=f"line {number}")
            await board.send("ping")
            await board.receive("pong")
        yield running


async def search(gateway: RunningApp, **query: Any) -> dict[str, Any]:
    page: dict[str, Any] = (await gateway.get("/api/journal", params={"device": "talker", **query})).json()
    return page


async def test_an_error_behind_many_lines_is_found_by_its_level(gateway: RunningApp) -> None:
    page = await search(gateway, level="warning", limit=10)

    assert ["stuck" in row["payload"] for row in page["rows"]] == [True, False]


@pytest.mark.parametrize(("text", "count"), [("mOTOR", 1), ("گلخانه", 1), ("line 14", 11), ("nothing like it", 0)])
async def test_text_is_found_whatever_its_case(gateway: RunningApp, text: str, count: int) -> None:
    page = await search(gateway, text=text, type="log", limit=100)

    assert len(page["rows"]) == count


async def test_a_search_stops_and_says_where_to_go_on(gateway: RunningApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payload_search, "SEARCHED_ENTRIES", 1)
    page, found = await search(gateway, text="Motor", limit=10), []
    while page["older"] is not None:
        found += page["rows"]
        page = await search(gateway, text="Motor", limit=10, before=page["older"])
    found += page["rows"]

    assert len(found) == 1
