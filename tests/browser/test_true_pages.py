"""What the page shows is so: numbers, clocks, pictures, logs, and what was typed and pressed."""

from __future__ import annotations

import asyncio
import contextlib
import re

import pytest
from playwright.async_api import Browser, Page, expect
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.support.board import board_at
from tests.support.camera import jpeg
from tests.support.gateway import GatewayProcess

pytestmark = pytest.mark.timeout(120)
SWITCH = {"lamp": {"on": {"type": "boolean", "title": "Pump running"}}}
TURNED_CLOCK = "const real = Date.now; Date.now = () => real() + SECONDS * 1000;"


async def test_small_and_large_numbers_keep_their_digits(gateway: GatewayProcess, page: Page, device: str) -> None:
    async with board_at(gateway.ws_url, device) as board:
        await board.send("telemetry", values={"tiny": 0.0000757, "small": 0.0012, "large": -123456784.2})
        await page.goto(f"{gateway.url}/#/device/{device}")

        for text in ("0.0000757", "0.0012", "-123,456,784.2"):
            await expect(page.locator("figcaption", has_text=text)).to_be_visible()


@pytest.mark.parametrize("seconds", [-7_200, 7_200])
async def test_another_clock_of_the_browser_changes_no_duration(
    gateway: GatewayProcess, browser: Browser, device: str, seconds: int
) -> None:
    context = await browser.new_context(locale="en-GB")
    await context.add_init_script(TURNED_CLOCK.replace("SECONDS", str(seconds)))
    page = await context.new_page()
    async with board_at(gateway.ws_url, device) as board:
        await board.send("telemetry", values={"n": 1})
        await page.goto(f"{gateway.url}/#/?q={device}")
        card = page.locator(".card", has_text=device)
        await expect(card).to_contain_text(re.compile(r"for \d+\ss"))
    await expect(card).to_contain_text("Offline")
    await expect(card).to_contain_text(re.compile(r"just now|\d+\ss ago"))
    await expect(card).not_to_contain_text(re.compile(r"\d\sh"))
    await context.close()


async def test_a_picture_that_fills_the_screen_is_whole(gateway: GatewayProcess, page: Page, device: str) -> None:
    async with board_at(gateway.ws_url, device, "esp32cam", commands={"stream": {}}) as board:
        await board.link.send(jpeg(size="VGA"))
        await page.goto(f"{gateway.url}/#/device/{device}")
        picture = page.locator("device-camera .picture img")
        await expect(picture).to_be_visible()
        await page.get_by_role("button", name="Full screen").click()
        await page.wait_for_function("document.fullscreenElement !== null")

        box = await picture.bounding_box()
        height = await page.evaluate("innerHeight")
        assert box is not None
        assert box["y"] >= -1
        assert box["y"] + box["height"] <= height + 1


async def test_an_error_that_was_long_ago_is_found_in_the_log(gateway: GatewayProcess, page: Page, device: str) -> None:
    async with board_at(gateway.ws_url, device) as board:
        await board.send("log", level="error", message="the motor is blocked")
        for number in range(150):
            await board.send("log", level="info", message=f"line {number}")
        await board.send("ping")
        await board.receive("pong")
        await page.goto(f"{gateway.url}/#/device/{device}")
        await expect(page.locator("device-log li", has_text="line 149")).to_be_visible()

        await page.get_by_label("Level").select_option("error")

        await expect(page.locator("device-log li", has_text="the motor is blocked")).to_be_visible()


async def test_the_line_of_a_card_is_in_order_in_persian(gateway: GatewayProcess, page: Page, device: str) -> None:
    async with board_at(gateway.ws_url, device, version="1.0.0") as board:
        await board.send("pong", rssi_dbm=-52, heap_free_bytes=140_000)
        await page.goto(f"{gateway.url}/#/?q={device}")
        await page.locator("#language").select_option("fa")
        card = page.locator(".card", has_text=device)

        await expect(card.locator("bdi", has_text="آزاد")).to_contain_text("KB")
        signal, free = [await card.locator("bdi", has_text=text).last.bounding_box() for text in ("dBm", "آزاد")]
        assert signal is not None
        assert free is not None
        # From right to left, each with its own unit.
        assert signal["x"] > free["x"]


async def test_a_button_that_is_pressed_three_times_sends_once_and_has_its_title(
    gateway: GatewayProcess, page: Page, device: str
) -> None:
    async with board_at(gateway.ws_url, device, commands={"slow": {}, **SWITCH}) as board:
        await page.goto(f"{gateway.url}/#/device/{device}")
        await expect(page.get_by_text("Pump running").first).to_be_visible()
        run = page.locator(".control", has_text="slow").get_by_role("button")
        for _ in range(3):
            await run.dispatch_event("click")
        message = await board.receive("command")
        await board.send("ack", id=message["id"], status="ok", message="moved by hand")

        await expect(page.locator(".control", has_text="slow")).to_contain_text("moved by hand")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await board.receive("command")


async def test_persian_digits_are_numbers_for_the_board(gateway: GatewayProcess, page: Page, device: str) -> None:
    async with board_at(gateway.ws_url, device, commands={"wait": {"seconds": {"type": "number"}}}) as board:
        await page.goto(f"{gateway.url}/#/device/{device}")
        control = page.locator(".control", has_text="wait")
        await control.locator("input").fill("۲٫۵")
        await control.get_by_role("button").click()

        message = await board.receive("command")
        assert message["args"] == {"seconds": 2.5}
        await board.send("ack", id=message["id"], status="ok")


async def test_the_chosen_colours_are_there_before_the_page_is(gateway: GatewayProcess, page: Page) -> None:
    await page.goto(f"{gateway.url}/#/")
    await page.get_by_label("Appearance").select_option("dark")
    await page.route("**/app.js", lambda route: route.abort())
    await page.goto(f"{gateway.url}/?again")

    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await page.unroute("**/app.js")


async def test_motion_is_reduced_and_forced_colours_leave_a_switch_to_see(
    gateway: GatewayProcess, page: Page, device: str
) -> None:
    await page.emulate_media(reduced_motion="reduce", forced_colors="active")
    async with board_at(gateway.ws_url, device, commands=SWITCH) as board:
        await page.goto(f"{gateway.url}/#/device/{device}")
        pressed = asyncio.create_task(page.get_by_role("button", name="on", exact=True).click())
        message = await board.receive("command")
        await board.send("ack", id=message["id"], status="ok")
        await pressed
        switch = page.get_by_role("switch")
        await expect(switch).to_be_checked()

        seen = await switch.evaluate(
            """element => [getComputedStyle(element).forcedColorAdjust, getComputedStyle(element).borderTopWidth,
            getComputedStyle(element, '::after').transitionDuration]"""
        )
        assert "none" in seen[0] or seen[1] != "0px"
        assert float(seen[2].rstrip("s")) < 0.01


async def test_a_board_that_is_refused_is_named_where_one_waits_for_it(gateway: GatewayProcess, page: Page) -> None:
    await page.goto(f"{gateway.url}/#/add")
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    wrong = {"Authorization": "Bearer dvz_0000000000000000_wrong"}
    with contextlib.suppress(InvalidStatus):
        async with connect(f"{gateway.ws_url}/ws/pico", additional_headers=wrong, proxy=None):
            pass

    await expect(page.locator("add-board .refusals")).to_contain_text("refused")


async def test_plots_are_in_the_same_order_at_every_visit(gateway: GatewayProcess, page: Page, device: str) -> None:
    async with board_at(gateway.ws_url, device) as board:
        await board.send("telemetry", values={"zeta": 1, "alpha": 2, "beta10": 3, "beta9": 4})
        orders = []
        for _ in range(3):
            await page.goto(f"{gateway.url}/#/")
            # The page before stays until the list is there.
            await expect(page.locator("device-plots")).to_have_count(0)
            await page.goto(f"{gateway.url}/#/device/{device}")
            await expect(page.locator("device-plots figcaption")).to_have_count(4)
            await board.send("telemetry", values={"beta9": 5})
            orders.append(await page.locator("device-plots figcaption > bdi:first-child").all_text_contents())

    assert orders == [["alpha", "beta9", "beta10", "zeta"]] * 3


async def test_a_long_text_leaves_a_card_and_a_page_in_their_size(
    gateway: GatewayProcess, page: Page, device: str
) -> None:
    title = "How far the head of the camera turns to a side, in degrees"
    pan = {"angle_of_the_head": {"type": "integer", "min": 0, "max": 180, "title": title}}
    async with board_at(gateway.ws_url, device, commands={"turn_the_head_of_the_camera": pan}) as board:
        await board.send("telemetry", values={"note": "word " * 50})
        await page.goto(f"{gateway.url}/#/?q={device}")
        card = await page.locator(".card", has_text=device).bounding_box()
        assert card is not None
        assert card["height"] < 300

        await page.goto(f"{gateway.url}/#/device/{device}")
        await expect(page.get_by_role("slider")).to_be_visible()
        assert await page.evaluate(
            """() => [...document.querySelectorAll('.control *')].every(
            each => each.getBoundingClientRect().right <= each.closest('.panel').getBoundingClientRect().right + 1)"""
        )


async def test_what_was_typed_stays_when_another_language_is_chosen(
    gateway: GatewayProcess, page: Page, device: str
) -> None:
    async with board_at(gateway.ws_url, device):
        await page.goto(f"{gateway.url}/#/rules")
        await page.get_by_label("Time of day", exact=True).fill("06:45")
        await page.get_by_label("Name", exact=True).fill("Morning")
        await page.locator("#language").select_option("fa")

        await expect(page.get_by_label("نام", exact=True)).to_have_value("Morning")
        await expect(page.get_by_label("ساعت", exact=True)).to_have_value("06:45")


async def test_a_sign_in_link_that_is_opened_again_leads_on(gateway: GatewayProcess, page: Page) -> None:
    link = gateway.url + gateway.post("/api/sign-in-links", json={"role": "viewer"}).json()["path"]
    await page.goto(link)
    await expect(page.get_by_role("heading", name="Devices")).to_be_visible()
    await page.goto(f"{gateway.url}/api/docs")

    await page.goto(link)

    await expect(
        page.get_by_role("heading", name="Devices").or_(page.get_by_role("link", name="Darvaz")).first
    ).to_be_visible()
