"""The page of alerts: from a value to a rule in three clicks, what is wrong, and who cares for it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.support.board import Board, board_at
from tests.support.gateway import GatewayProcess

pytestmark = pytest.mark.timeout(120)


@pytest_asyncio.fixture(loop_scope="session")
async def board(gateway: GatewayProcess, device: str) -> AsyncIterator[Board]:
    async with board_at(gateway.ws_url, device, telemetry={"temperature": {"unit": "°C"}}) as board:
        await board.send("telemetry", values={"temperature": 21.5})
        yield board


async def test_an_alert_is_made_from_a_value_comes_true_and_is_acknowledged(
    gateway: GatewayProcess, device: str, board: Board, page: Page
) -> None:
    await page.goto(f"{gateway.url}/#/device/{device}")
    await page.get_by_role("link", name="Alert: temperature").click()
    await page.get_by_label("Number").fill("5")
    await page.get_by_role("button", name="Save rule").click()
    rule = page.locator("alert-rules li", has_text=device)
    await expect(rule).to_contain_text(f"{device}: temperature below 5")

    await board.send("telemetry", values={"temperature": 3.5})

    row = page.locator("alerts-page tbody tr", has_text=device).first
    await expect(row).to_contain_text("temperature below 5 (3.5)")
    count = page.get_by_role("link", name=re.compile("Alerts.*not acknowledged"))
    await expect(count).to_be_visible()
    await row.get_by_role("button", name="Acknowledge").click()
    await expect(row).to_contain_text("acknowledged")
    await expect(count).to_have_count(0)
    await rule.get_by_role("button", name="Remove").click()
    await page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    await expect(rule).to_have_count(0)


@pytest.mark.usefixtures("board")
async def test_an_alert_is_made_in_persian_with_persian_digits(
    gateway: GatewayProcess, device: str, page: Page
) -> None:
    await page.goto(f"{gateway.url}/#/alerts/{device}/temperature")
    await page.locator("#language").select_option("fa")
    await page.get_by_label("عدد").fill("۵٫۵")
    await page.get_by_label("به مدت دقیقه").fill("۲")
    await page.get_by_role("button", name="ذخیرهٔ قاعده").click()

    rule = page.locator("alert-rules li", has_text=device)
    await expect(rule).to_contain_text("کمتر از ۵٫۵ به مدت ۲\u00a0دقیقه")
    async with httpx.AsyncClient(base_url=gateway.url) as client:
        rules = (await client.get("/api/alert-rules")).json()["rules"]
    (made,) = [rule for rule in rules if rule["device"] == device]
    assert (made["threshold"], made["for_s"], made["value"]) == (5.5, 120.0, "temperature")


@pytest.mark.usefixtures("board")
async def test_an_alert_of_a_board_is_for_when_it_is_offline(gateway: GatewayProcess, device: str, page: Page) -> None:
    await page.goto(f"{gateway.url}/#/alerts/{device}")
    await page.get_by_role("button", name="Save rule").click()

    await expect(page.locator("alert-rules li", has_text=device)).to_contain_text("offline for 10\u00a0min")
