"""Dashboards: one for a class, made and arranged by keys, kept up to date, and in Persian on a phone."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.support.board import board_at
from tests.support.gateway import GatewayProcess

pytestmark = pytest.mark.timeout(120)
COMMANDS = {"lamp": {"on": {"type": "boolean"}}}


async def test_a_dashboard_for_a_class_has_a_card_for_each_board(
    gateway: GatewayProcess, device: str, page: Page
) -> None:
    names = [f"{device}-a", f"{device}-b"]
    async with (
        board_at(gateway.ws_url, names[0], commands=COMMANDS) as first,
        board_at(gateway.ws_url, names[1], commands=COMMANDS) as second,
        httpx.AsyncClient(base_url=gateway.url) as client,
    ):
        await client.patch(f"/api/groups/{device}", json={"add": names})
        for number, board in enumerate((first, second)):
            await board.send("telemetry", values={"temperature": 20.5 + number})
        await page.goto(f"{gateway.url}/#/layouts/new")
        await page.get_by_label("Title", exact=True).fill("Class 3")
        await page.get_by_label("Board", exact=True).select_option(f"group/{device}")
        await page.get_by_role("button", name="Add the card").click()
        await page.get_by_label("Card", exact=True).select_option("control")
        await page.get_by_label("Board", exact=True).select_option(f"device/{names[0]}")
        await page.get_by_label("Of it", exact=True).select_option("lamp")
        await page.get_by_role("button", name="Add the card").click()
        # The control comes first, by keys alone.
        await page.get_by_role("button", name="Move a control").focus()
        await page.keyboard.press("Enter")
        await page.get_by_role("button", name="Save", exact=True).click()

        tiles = page.locator("layout-page .tile")
        await expect(tiles).to_have_count(3)
        await expect(tiles.nth(1)).to_contain_text("20.5")
        await second.send("telemetry", values={"temperature": 30})
        await expect(tiles.nth(2)).to_contain_text("30")
        pressed = asyncio.create_task(tiles.nth(0).get_by_role("button", name="on", exact=True).click())
        message = await first.receive("command")
        await first.send("ack", id=message["id"], status="ok")
        await pressed
        await expect(tiles.nth(0).get_by_role("switch")).to_be_checked()

        await expect(page.get_by_role("link", name="Class 3")).to_be_visible()
        # Its link shows the same, in a page that is opened with it.
        await page.reload()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Class 3")
        await expect(tiles).to_have_count(3)
        await page.get_by_role("button", name="Edit").click()
        await page.get_by_role("button", name="Remove", exact=True).click()
        await page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        await expect(page.get_by_role("link", name="Class 3")).to_have_count(0)


async def test_a_dashboard_is_made_in_persian_on_a_phone(gateway: GatewayProcess, device: str, page: Page) -> None:
    await page.set_viewport_size({"width": 320, "height": 640})
    async with board_at(gateway.ws_url, device) as board:
        await board.send("telemetry", values={"temperature": 21.5})
        await board.send("log", message="the heater is on", level="info")
        await page.goto(f"{gateway.url}/#/layouts/new")
        await page.locator("#language").select_option("fa")
        await page.get_by_label("عنوان", exact=True).fill("کلاس ۳")
        for kind in ("value", "gauge", "log", "plot"):
            await page.get_by_label("کارت", exact=True).select_option(kind)
            await page.get_by_label("برد", exact=True).select_option(f"device/{device}")
            await page.get_by_role("button", name="افزودن کارت").click()
        await page.get_by_role("button", name="ذخیره", exact=True).click()

        await expect(page.get_by_role("heading", level=1)).to_have_text("کلاس ۳")
        await expect(page.locator("layout-page .big").first).to_contain_text("۲۱٫۵")
        await expect(page.get_by_role("meter")).to_have_attribute("aria-valuenow", "21.5")
        await expect(page.locator("layout-page .log li")).to_contain_text("the heater is on")
        await expect(page.locator("layout-page canvas")).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
