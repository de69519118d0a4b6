"""Pages on a bad network: any first request is lost, any script, and any number of tabs is open."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page, Route, expect

from tests.support.board import board_at
from tests.support.gateway import GatewayProcess

pytestmark = pytest.mark.timeout(240)
TABS = 8
DEADLINE_S = 60.0


async def test_the_first_of_each_request_and_of_each_script_may_be_lost(
    gateway: GatewayProcess, page: Page, device: str
) -> None:
    seen: Counter[str] = Counter()
    # One script, the first answers of the gateway and a style sheet: each is lost once.
    lost = ("app.js", "start.js", "styles/all.css", "/api/session", "/api/devices")

    async def lose_first(route: Route) -> None:
        path = re.sub("^/pages/kept/[0-9a-f]+/", "", urlsplit(route.request.url).path)
        seen[path] += 1
        await (route.abort() if path in lost and seen[path] == 1 else route.continue_())

    await page.route("**/*", lose_first)
    async with board_at(gateway.ws_url, device):
        await page.goto(gateway.url)
        await expect(page.get_by_role("link", name=device)).to_be_visible()

    assert {path: seen[path] for path in lost if seen[path] < 2} == {}


async def test_a_gateway_that_does_not_answer_is_told_and_asked_again(gateway: GatewayProcess, page: Page) -> None:
    await page.route("**/api/session", lambda route: route.abort())
    await page.goto(gateway.url)
    await expect(page.get_by_text("the gateway does not answer")).to_be_visible()
    await expect(page.get_by_text("No board has connected yet")).to_be_hidden()

    await page.unroute("**/api/session")

    await expect(page.get_by_role("heading", name="Devices")).to_be_visible()


async def test_eight_tabs_share_the_connections_and_a_command_gets_one(
    gateway: GatewayProcess, page: Page, device: str
) -> None:
    async with board_at(gateway.ws_url, device, commands={"beep": {}}) as board:
        for number in range(TABS):
            other = await page.context.new_page()
            await other.goto(f"{gateway.url}/#/device/{device if number else 'none'}", wait_until="commit")
        await page.goto(f"{gateway.url}/#/device/{device}")
        await page.get_by_role("button", name="Run: beep").click()
        async with asyncio.timeout(DEADLINE_S):
            command = await board.receive("command")
        await board.send("ack", id=command["id"], status="ok", result="beeped")
        await expect(page.get_by_text("done: beeped")).to_be_visible()
        streams = json.loads(gateway.get("/api/health").content)["event_clients"]

    assert command["name"] == "beep"
    assert streams <= 2
