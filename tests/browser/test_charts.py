"""The page of charts: from boards that were selected to one chart, what its address keeps, and its files."""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from playwright.async_api import Download, Page, expect

from tests.support.board import board_at
from tests.support.gateway import GatewayProcess

pytestmark = pytest.mark.timeout(120)
LAYER = ".chart-layer"
# Of the columns of a legend, behind the value, its mean and its lowest.
HIGHEST = 3


async def content_of(saved: Download) -> bytes:
    """Returns the file that the page gave."""
    return await asyncio.to_thread(Path(await saved.path()).read_bytes)


async def test_ten_boards_are_compared_in_one_chart_that_its_address_keeps(
    gateway: GatewayProcess, device: str, page: Page
) -> None:
    names = [f"{device}-{number}" for number in range(10)]
    async with AsyncExitStack() as boards:
        for number, name in enumerate(names):
            rule = {"temperature": {"unit": "°C", "title": "Warmth"}}
            board = await boards.enter_async_context(board_at(gateway.ws_url, name, telemetry=rule))
            await board.send("telemetry", values={"temperature": 20 + number})
        await page.goto(f"{gateway.url}/#/?q={device}")
        await page.get_by_role("button", name="Select", exact=True).click()
        await page.get_by_role("button", name="All shown").click()
        await page.get_by_role("button", name="Compare").click()

        rows = page.locator(".legend tbody tr")
        await expect(rows).to_have_count(10)
        await expect(rows.nth(9)).to_contain_text(re.compile("Warmth.*29.*°C"))
        await page.get_by_label("Compare with").select_option("the day before")
        await page.get_by_role("button", name=f"Remove {names[0]} · Warmth").click()
        await expect(rows).to_have_count(9)
        await page.reload()

        await expect(rows).to_have_count(9)
        await expect(page.get_by_label("Compare with")).to_have_value("86400")
        async with page.expect_download() as saved:
            await page.get_by_role("button", name="Save as CSV").click()
        text = (await content_of(await saved.value)).decode("utf-8-sig")
        assert text.splitlines()[0].startswith(f'"time","{names[1]} Warmth [°C]","{names[2]} Warmth [°C]"')
        assert {f'"{value}"' for value in range(21, 30)} <= set(text.replace("\r\n", ",").split(","))
        async with page.expect_download() as picture:
            await page.get_by_role("button", name="Save as picture").click()
        assert (await content_of(await picture.value)).startswith(b"\x89PNG")


async def test_states_and_events_stand_below_the_lines_and_are_read_with_keys(
    gateway: GatewayProcess, device: str, page: Page
) -> None:
    async with board_at(gateway.ws_url, device, commands={"beep": {}}) as board:
        for values in ({"lid": False, "n": 1}, {"lid": True, "n": 2}):
            await board.send("telemetry", values=values)
        command = asyncio.create_task(asyncio.to_thread(gateway.post, f"/api/devices/{device}/commands/beep"))
        message = await board.receive("command")
        await board.send("ack", id=message["id"], status="ok")
        assert (await command).is_success
        await page.goto(f"{gateway.url}/#/charts?s={device}/n&s={device}/lid&last=600")

        rows = page.locator(".legend tbody tr")
        await expect(rows.nth(1)).to_contain_text("on")
        # The command is in its lane, and told where the cursor is.
        await page.locator(LAYER).focus()
        await page.keyboard.press("ArrowRight")
        await expect(page.locator("chart-page [role=status]")).to_contain_text("Command – beep")
        await expect(page.locator("#announcement")).to_contain_text("lid on")
        await page.keyboard.press("Escape")
        await expect(page.locator("chart-page [role=status]")).not_to_contain_text("beep")


async def test_a_chart_is_zoomed_moved_and_goes_on_with_new_readings(
    gateway: GatewayProcess, device: str, page: Page
) -> None:
    async with board_at(gateway.ws_url, device) as board:
        await board.send("telemetry", values={"n": 1})
        await page.goto(f"{gateway.url}/#/charts?s={device}/n&last=600")
        await expect(page.locator(".legend tbody td").first).to_contain_text("1")
        await board.send("telemetry", values={"n": 7.5})
        await expect(page.locator(".legend tbody td").first).to_contain_text("7.5")

        box = await page.locator(LAYER).bounding_box()
        assert box is not None
        await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 50)
        await page.mouse.down()
        await page.mouse.move(box["x"] + box["width"], box["y"] + 50, steps=4)
        await page.mouse.up()

        await expect(page).to_have_url(re.compile("from=[0-9]+&to=[0-9]+"))
        times = re.search("from=([0-9]+)&to=([0-9]+)", page.url)
        assert times is not None
        assert 250 <= int(times[2]) - int(times[1]) <= 330
        await page.locator(LAYER).focus()
        await page.keyboard.press("Shift+ArrowLeft")
        await expect(page).not_to_have_url(re.compile(f"to={times[2]}"))
        await page.get_by_label("Time", exact=True).select_option("Hour")
        await expect(page).to_have_url(re.compile("last=3600"))


async def test_a_reading_that_comes_late_is_seen_in_an_open_chart_at_its_time(
    gateway: GatewayProcess, device: str, page: Page
) -> None:
    cells = page.locator(".legend tbody td")
    now_ms = 200_000
    async with board_at(gateway.ws_url, device, boot_id="late", uptime_ms=now_ms) as board:
        await board.send("telemetry", values={"n": 1}, uptime_ms=now_ms, seq=1)
        await page.goto(f"{gateway.url}/#/charts?s={device}/n&last=600")
        await expect(cells.first).to_contain_text("1")

        # Its outbox had it for 100 seconds; the newest value stays that which happened last.
        await board.send("telemetry", values={"n": 55}, uptime_ms=now_ms - 100_000, seq=2)
        await expect(cells.nth(HIGHEST)).to_contain_text("55")
        await expect(cells.first).to_contain_text("1")

        answer = await page.request.get(f"{gateway.url}/api/devices/{device}/telemetry/n?from=-600")
        (late_s, late), (newest_s, newest) = [point[:2] for point in (await answer.json())["points"]]

    assert (late, newest) == (55, 1)
    assert 90 <= newest_s - late_s <= 110


async def test_a_chart_is_made_in_persian_on_a_phone(gateway: GatewayProcess, device: str, page: Page) -> None:
    await page.set_viewport_size({"width": 320, "height": 640})
    async with board_at(gateway.ws_url, device) as board:
        await board.send("telemetry", values={"temperature": 21.5})
        await page.goto(f"{gateway.url}/#/charts")
        await page.locator("#language").select_option("fa")
        await page.get_by_label("برد", exact=True).select_option(device)
        await page.get_by_label("مقدار", exact=True).select_option("temperature")
        await page.get_by_role("button", name="افزودن به نمودار").click()

        await expect(page.locator(".legend")).to_contain_text("۲۱٫۵")
        await expect(page.locator("chart-page canvas")).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
