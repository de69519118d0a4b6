"""The dashboard while the gateway does not answer: the page itself is kept, says so, and goes on by itself."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Page, expect

from tests.support.board import board_at
from tests.support.gateway import GatewayProcess

IS_KEPT = """async () => {
  await navigator.serviceWorker.ready;
  const shell = await caches.open("shell");
  return (await shell.keys()).map(({ url }) => new URL(url).pathname).sort();
}"""


@pytest.mark.usefixtures("open_window")
async def test_the_page_opens_without_its_gateway_and_shows_the_boards_once_it_answers(
    gateway: GatewayProcess, page: Page, device: str
) -> None:
    async with board_at(gateway.ws_url, device):
        await page.goto(gateway.url)
        await expect(page.get_by_role("link", name=device).last).to_be_visible()
    assert await page.evaluate(IS_KEPT) == ["/", "/pages/icon.svg"]
    assert await page.evaluate("fetch('/pages/icon.svg').then(({ ok }) => ok)")

    await asyncio.to_thread(gateway.stop)
    await page.goto(f"{gateway.url}/?again#/")
    await expect(page.get_by_text("Trying again …")).to_be_visible()
    await expect(page).to_have_title("Darvaz")

    await asyncio.to_thread(gateway.start)
    await expect(page.get_by_role("link", name=device).last).to_be_visible()
