"""Plots: values read off one by one, the first minutes of a board, texts, and other colours."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import Page, expect

from tests.support.board import board_at
from tests.support.gateway import GatewayProcess

pytestmark = pytest.mark.timeout(120)


async def test_values_are_read_off_a_plot_with_the_keyboard(gateway: GatewayProcess, page: Page, device: str) -> None:
    async with board_at(gateway.ws_url, device, telemetry={"temperature": {"unit": "°C"}}) as board:
        await page.goto(f"{gateway.url}/#/device/{device}")
        await expect(page.locator("device-controls")).to_be_attached()
        for value in (21.5, 25.25):
            await board.send("telemetry", values={"temperature": value})
            await expect(page.locator("figcaption strong").first).to_contain_text(str(value))
        reader = page.get_by_role("application", name=re.compile("^temperature"))

        await page.get_by_label("Time").focus()
        # By way of the links that make a chart and an alert of the value.
        await page.keyboard.press("Tab")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Tab")
        await expect(reader).to_be_focused()
        await expect(reader).to_have_text(re.compile(r"\d\d:\d\d:\d\d · 25\.25.*°C"))
        await page.keyboard.press("Home")

        await expect(page.locator(".reading")).to_have_text(re.compile(r"· 21\.5.*°C"))
        await expect(page.locator("#announcement")).to_have_text(re.compile(r"· 21\.5.*°C"))
        await page.keyboard.press("Escape")
        await expect(page.locator(".reading")).to_be_hidden()


async def test_values_are_read_off_a_plot_with_the_mouse(gateway: GatewayProcess, page: Page, device: str) -> None:
    async with board_at(gateway.ws_url, device) as board:
        await board.send("telemetry", values={"temperature": 21.5})
        await page.goto(f"{gateway.url}/#/device/{device}")

        await page.get_by_role("application", name=re.compile("^temperature")).hover()

        await expect(page.locator(".reading")).to_contain_text("21.5")
        await page.get_by_role("heading", level=1).hover()
        await expect(page.locator(".reading")).to_be_hidden()


async def test_the_first_minutes_of_a_board_fill_its_plot(gateway: GatewayProcess, page: Page, device: str) -> None:
    async with board_at(gateway.ws_url, device) as board:
        await board.send("telemetry", values={"temperature": 21.5})
        await page.goto(f"{gateway.url}/#/device/{device}")

        await expect(page.get_by_label("Time")).to_have_value("minutes")
        await page.get_by_label("Time").select_option("hour")
        await page.reload()
        await expect(page.locator("canvas:visible")).to_be_visible()
        await expect(page.get_by_label("Time")).to_have_value("hour")


async def test_a_text_value_has_no_plot(gateway: GatewayProcess, page: Page, device: str) -> None:
    async with board_at(gateway.ws_url, device) as board:
        await board.send("telemetry", values={"lid": "open"})
        await page.goto(f"{gateway.url}/#/device/{device}")

        await expect(page.get_by_text("open", exact=True)).to_be_visible()
        await expect(page.get_by_text("No readings in this time.")).to_be_hidden()


async def test_a_plot_is_drawn_again_for_another_width_and_other_colours(
    gateway: GatewayProcess, page: Page, device: str
) -> None:
    async with board_at(gateway.ws_url, device) as board:
        for value in (21.5, 25.25):
            await board.send("telemetry", values={"temperature": value})
        await page.goto(f"{gateway.url}/#/device/{device}")
        plot = page.locator("canvas")
        await expect(plot).to_be_visible()
        await expect(plot).to_have_js_property("width", await plot.evaluate("plot => plot.clientWidth"))

        await page.set_viewport_size({"width": 400, "height": 700})
        await expect(plot).to_have_js_property("width", await plot.evaluate("plot => plot.clientWidth"))

        light = await plot.evaluate("plot => plot.toDataURL()")
        await page.get_by_label("Appearance").select_option("dark")
        async with asyncio.timeout(10):
            while await plot.evaluate("plot => plot.toDataURL()") == light:  # noqa: ASYNC110
                await asyncio.sleep(0.05)


async def test_names_that_every_object_has_are_plotted_like_all_others(
    gateway: GatewayProcess, page: Page, device: str
) -> None:
    names = ["temperature", "constructor", "__proto__", "toString"]
    async with board_at(gateway.ws_url, device) as board:
        await page.goto(f"{gateway.url}/#/device/{device}")
        await expect(page.locator("device-controls")).to_be_attached()
        await board.send("telemetry", values=dict.fromkeys(names, 1.5))

        for name in names:
            await expect(page.locator("figcaption", has_text=name)).to_contain_text("1.5")


async def test_a_value_that_comes_late_has_its_place_in_the_plot_and_is_not_shown_as_the_newest(
    gateway: GatewayProcess, page: Page, device: str
) -> None:
    now_ms = 200_000
    async with board_at(gateway.ws_url, device, boot_id="late", uptime_ms=now_ms) as board:
        await board.send("telemetry", values={"n": 1, "other": 0}, uptime_ms=now_ms, seq=1)
        await page.goto(f"{gateway.url}/#/device/{device}")
        number = page.locator("figure[data-name=n] strong")
        await expect(number).to_have_text("1")

        await board.send("telemetry", values={"n": 55}, uptime_ms=now_ms - 100_000, seq=2)
        await board.send("telemetry", values={"other": 7}, uptime_ms=now_ms + 1_000, seq=3)
        await expect(page.locator("figure[data-name=other] strong")).to_have_text("7")

        await expect(number).to_have_text("1")
