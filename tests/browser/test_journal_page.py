"""The journal on a device's page: in both directions, up to a time, and the rows that are shown as a file."""

from __future__ import annotations

import asyncio
import json

import pytest
from playwright.async_api import Page, expect

from tests.support.board import board_at
from tests.support.gateway import GatewayProcess

pytestmark = pytest.mark.timeout(120)
LINES = 60
ROWS = 25


async def test_the_journal_is_paged_both_ways_and_saved_as_shown(gateway: GatewayProcess, page: Page) -> None:
    async with board_at(gateway.ws_url, "yard") as board:
        for number in range(LINES):
            await board.send("log", message=f"line {number:02}.")
        await page.goto(f"{gateway.url}/#/device/yard")
        await expect(page.locator("device-log")).to_contain_text(f"line {LINES - 1}.")
        journal = page.locator("device-journal")
        await journal.get_by_text("Journal").click()
        await expect(journal.get_by_role("row")).to_have_count(ROWS + 1)
        first = journal.locator("td.payload summary").first
        newest = await first.inner_text()

        await journal.get_by_role("button", name="Older").click()
        await expect(first).not_to_have_text(newest)
        shown = await first.inner_text()
        async with page.expect_download() as saving:
            await journal.get_by_role("link", name="Save these rows (JSONL)").click()
        file = await (await saving.value).path()
        payloads = [
            json.loads(row)["payload"] for row in (await asyncio.to_thread(file.read_text, "utf-8")).splitlines()
        ]
        assert any(shown in payload for payload in payloads)
        assert len(payloads) == ROWS

        await journal.get_by_role("button", name="Newer").click()
        await expect(first).to_have_text(newest)
        await journal.get_by_label("Up to").fill("2001-01-01T00:00:00")
        await journal.get_by_label("Up to").press("Tab")
        await expect(journal.get_by_text("No entries.")).to_be_visible()


async def test_entries_of_the_whole_journal_are_in_words_and_show_what_was_sent_on_demand(
    gateway: GatewayProcess, page: Page
) -> None:
    telemetry = {"temperature": {"unit": "°C", "title": "دما"}}
    async with board_at(gateway.ws_url, "shed", telemetry=telemetry) as board:
        await board.send("telemetry", values={"temperature": 21.5})
        await board.send("log", message="warm\u202e now")
        await page.goto(f"{gateway.url}/#/journal")
        await page.get_by_label("Language").select_option("fa")
        journal = page.locator("journal-page")
        # What happened, without the readings, is shown first.
        await expect(journal.get_by_role("cell", name="وصل شد").first).to_be_visible()
        await expect(journal.get_by_role("cell", name="مقدارها")).to_have_count(0)

        await journal.get_by_label("نمایش").select_option("all")
        row = journal.get_by_role("row", name="shed").filter(has_text="مقدارها").first
        await expect(row.locator("summary")).to_have_text("دما ۲۱٫۵\u00a0\u2068°C\u2069")
        await expect(journal.locator("summary", has_text="warm\\u202e now")).to_be_visible()
        await expect(row.get_by_text('"temperature"')).to_be_hidden()
        await row.locator("summary").click()
        await expect(row.get_by_text('"temperature"')).to_be_visible()
    await expect(journal.locator("device-journal")).to_be_visible()


async def test_how_a_board_went_is_said_in_words(gateway: GatewayProcess, page: Page) -> None:
    async with board_at(gateway.ws_url, "hut") as board:
        await board.link.close(1000)
    await page.goto(f"{gateway.url}/#/journal")

    row = page.locator("journal-page").get_by_role("row", name="hut").filter(has_text="disconnected")
    await expect(row.locator("summary")).to_have_text("disconnected by itself")
