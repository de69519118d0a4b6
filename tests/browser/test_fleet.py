"""The page of all devices as a fleet: what is wrong, filters in the address, and one command to a selection."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest
from playwright.async_api import Browser, Page, expect

from tests.support.board import board_at
from tests.support.gateway import GatewayProcess

pytestmark = pytest.mark.timeout(240)
LED = {"led": {"on": {"type": "boolean"}}}
# Below the links that one address may have.
MANY = 60


async def test_a_selection_gets_one_command_and_a_result_for_each(fresh_gateway: GatewayProcess, page: Page) -> None:
    gateway = fresh_gateway
    async with AsyncExitStack() as stack:
        boards = [await stack.enter_async_context(board_at(gateway.ws_url, f"lamp-{n}", commands=LED)) for n in (1, 2)]
        for number in range(4):
            await stack.enter_async_context(board_at(gateway.ws_url, f"other-{number}"))
        async with board_at(gateway.ws_url, "lamp-gone", commands=LED):
            pass
        await page.goto(f"{gateway.url}/#/?q=lamp")
        await expect(page.get_by_text("3 shown")).to_be_visible()
        await expect(page.locator(".troubles")).to_contain_text("lamp-gone: disconnected by itself")

        await page.get_by_role("button", name="Select", exact=True).click()
        await page.get_by_role("button", name="All shown").click()
        await page.get_by_role("button", name="Groups …").click()
        await page.get_by_label("Group", exact=True).fill("lamps")
        await page.get_by_role("button", name="Add to it").click()
        await expect(page.locator(".card .tag")).to_have_count(3)
        await page.get_by_role("button", name="Command …").click()
        await page.locator(".batch-panel").get_by_label("on").select_option("on")
        await page.get_by_role("button", name="Send to 3").click()
        for board in boards:
            command = await board.receive("command")
            assert command["args"] == {"on": True}
            await board.send("ack", id=command["id"], status="ok", result={"on": True, "after_ms": 12})
        await expect(page.locator(".outcomes")).to_contain_text("lamp-gone is offline")
        answers = page.locator(".outcomes tr")
        await expect(answers.nth(1)).to_have_text("lamp-1done: on on · after_ms 12")
        await expect(answers.nth(2)).to_contain_text("lamp-2")
        await expect(page.get_by_text("Done: 2 / 3").first).to_be_visible()

        await page.goto(f"{gateway.url}/#/?group=lamps&view=table")
        await page.reload()
        await expect(page.get_by_role("row")).to_have_count(4)
        # The columns that were chosen stay in this browser.
        await page.get_by_text("Columns").click()
        await page.get_by_label("Release").check()
        await page.get_by_label("Address").uncheck()
        await page.reload()
        await expect(page.get_by_role("columnheader", name="Release")).to_be_visible()
        await expect(page.get_by_role("columnheader", name="Address")).to_have_count(0)


async def test_only_the_part_of_a_long_list_that_is_in_view_is_in_the_page(
    fresh_gateway: GatewayProcess, page: Page
) -> None:
    async with AsyncExitStack() as stack:
        for number in range(MANY):
            await stack.enter_async_context(board_at(fresh_gateway.ws_url, f"board-{number}"))
        await page.goto(fresh_gateway.url)
        await expect(page.get_by_text(f"{MANY} online")).to_be_visible()
        await expect(page.get_by_role("link", name="board-2", exact=True)).to_be_visible()

        shown = await page.get_by_role("listitem").count()
        await page.keyboard.press("End")

        await expect(page.get_by_role("link", name=f"board-{MANY - 1}", exact=True)).to_be_visible()
    assert shown < MANY


async def test_a_persian_list_has_persian_commas_and_its_hints_begin_at_the_right(
    gateway: GatewayProcess, browser: Browser
) -> None:
    # As many as have a search.
    for number in range(1, 5):
        async with board_at(gateway.ws_url, f"comma-{number}"):
            pass
    context = await browser.new_context(locale="fa-IR")
    page = await context.new_page()
    await page.goto(f"{gateway.url}/#/?q=comma-1")
    card = page.locator(".card", has_text="comma-1")
    await expect(card).to_contain_text("، ")
    texts = [await card.inner_text(), await page.locator(".trouble").first.inner_text()]
    await page.goto(f"{gateway.url}/#/")
    direction = await page.get_by_role("searchbox").evaluate("element => getComputedStyle(element).direction")
    await context.close()

    assert [text for text in texts if ", " in text] == []
    assert direction == "rtl"


async def test_what_is_done_with_selected_boards_is_above_the_bar_of_a_phone(
    gateway: GatewayProcess, browser: Browser
) -> None:
    context = await browser.new_context(viewport={"width": 390, "height": 844})
    page = await context.new_page()
    async with AsyncExitStack() as stack:
        for number in range(4):
            await stack.enter_async_context(board_at(gateway.ws_url, f"phone-{number}", commands=LED))
        await page.goto(f"{gateway.url}/#/")
        await page.get_by_role("button", name="Select", exact=True).click()
        export = page.get_by_role("button", name="Save as CSV")
        await expect(export).to_be_visible()
        box, bar = await export.bounding_box(), await page.get_by_role("navigation").bounding_box()
    await context.close()

    assert box is not None and bar is not None
    assert box["y"] + box["height"] <= bar["y"]
