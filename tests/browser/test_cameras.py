"""A camera's picture in the dashboard: kept as a file, or a reason why not."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.support.board import board_at
from tests.support.gateway import GatewayProcess

pytestmark = pytest.mark.timeout(120)
JPEG = b"\xff\xd8picture\xff\xd9"


async def test_a_picture_is_saved(gateway: GatewayProcess, page: Page) -> None:
    async with board_at(gateway.ws_url, "yard", "esp32cam", commands={"stream": {}}) as board:
        await board.link.send(JPEG)
        await page.goto(f"{gateway.url}/#/device/yard")
        async with page.expect_download() as download:
            await page.get_by_role("button", name="Save a picture").click()

        saved = await download.value
        assert saved.suggested_filename == "yard.jpg"
        assert await asyncio.to_thread(Path(await saved.path()).read_bytes) == JPEG
        await expect(page.locator("device-camera .status.done")).to_have_text("Saved.")


async def test_a_picture_of_an_offline_camera_is_refused_with_a_reason(gateway: GatewayProcess, page: Page) -> None:
    async with board_at(gateway.ws_url, "porch", "esp32cam"):
        pass
    await page.goto(f"{gateway.url}/#/device/porch")
    await expect(page.get_by_text("The camera is offline.", exact=True)).to_be_visible()

    await page.get_by_role("button", name="Save a picture").click()

    await expect(page.locator("device-camera .status.failed")).to_have_text("failed: porch is offline")
    await page.get_by_label("Language").select_option("fa")
    await page.get_by_role("button", name="ذخیرهٔ تصویر").click()
    await expect(page.locator("device-camera .status.failed")).to_have_text("نشد: برد آفلاین است")
