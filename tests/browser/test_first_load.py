"""The first visit to the dashboard of 150 boards: few bytes and few requests until there is a card."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.support.first_load import BOARDS, CARD, SETTINGS, many_boards, measure
from tests.support.gateway import GatewayProcess

pytestmark = pytest.mark.timeout(240)
# Over the wire, with headers, the devices among them.
BYTES_MAX = 60 * 1024
# The page, its styles, the program that begins it twice, the scripts, who reads, the devices, an icon, and what is
# wrong with the gateway; a few cards may have asked for their plots.
REQUESTS_MAX = 16
# More than the first request for boards brings.
MANY = 210


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def fleet() -> AsyncIterator[GatewayProcess]:
    with GatewayProcess(env=SETTINGS) as gateway:
        async with many_boards(gateway):
            yield gateway


async def test_the_first_card_of_150_boards_needs_60_kb_and_few_requests(
    fleet: GatewayProcess, browser: Browser
) -> None:
    load = await measure(browser, fleet.url)

    devices = sum(size for url, size in load.sizes_bytes.items() if "/api/devices" in url)
    assert {url for url in load.sizes_bytes if not url.startswith(fleet.url)} == set()
    assert devices > 8 * 1024, "the devices are not among what was counted"
    assert load.bytes_ <= BYTES_MAX, load.sizes_bytes
    assert len(load.sizes_bytes) <= REQUESTS_MAX, load.sizes_bytes


async def test_what_has_been_loaded_once_is_kept_by_the_browser(fleet: GatewayProcess, page: Page) -> None:
    await page.goto(fleet.url)
    await expect(page.locator(CARD).first).to_be_visible()

    await page.goto("about:blank")
    await page.goto(fleet.url)
    await expect(page.locator(CARD).first).to_be_visible()

    sizes = await page.evaluate(
        "performance.getEntriesByType('resource').map(({name, transferSize}) => [name, transferSize])"
    )
    kept = [(name, size) for name, size in sizes if "/pages/kept/" in name]
    assert len(kept) >= 3
    assert [name for name, size in kept if size] == []


async def test_all_boards_are_there_and_counted(fleet: GatewayProcess, page: Page) -> None:
    await page.goto(fleet.url)

    await expect(page.locator(".page-head")).to_contain_text(f"{BOARDS} online · {BOARDS} in total")


async def test_of_more_boards_than_come_first_all_are_counted_and_each_has_its_page(page: Page) -> None:
    with GatewayProcess(env=SETTINGS) as gateway:
        async with many_boards(gateway, MANY):
            last = sorted(device["id"] for device in gateway.get("/api/devices").json()["devices"])[-1]
            await page.goto(f"{gateway.url}/#/device/{last}")
            await expect(page.locator("device-page").get_by_role("heading", level=1)).to_be_visible()

            await page.goto(f"{gateway.url}/?again#/")
            await expect(page.locator(".page-head")).to_contain_text(f"{MANY} online · {MANY} in total")
