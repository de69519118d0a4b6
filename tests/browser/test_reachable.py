"""The dashboard for everybody: without a mouse, with a screen reader, on a phone, enlarged, and in Persian."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.support.axe import check_axe
from tests.support.board import Board, board_at
from tests.support.gateway import GatewayProcess

pytestmark = pytest.mark.timeout(120)
COMMANDS: dict[str, Any] = {
    "pan": {"angle": {"type": "number", "min": 0, "max": 180, "unit": "°", "default": 90}},
    "led": {"on": {"type": "boolean"}},
    "mode": {"name": {"type": "string", "choices": ["calm", "lively"]}},
    "say": {"text": {"type": "string"}, "loud": {"type": "boolean"}},
    "home": {},
}


def paths(device: str) -> tuple[str, ...]:
    """Returns the paths of all pages."""
    chart = f"charts?s={device}/temperature&last=600"
    made = ("charts", chart, "rules", "layouts/new", "layouts")
    return "", f"device/{device}", "cameras", *made, "alerts", "journal", "releases", "add", "access"


@pytest_asyncio.fixture(loop_scope="session")
async def board(gateway: GatewayProcess, device: str) -> AsyncIterator[Board]:
    introduction: dict[str, Any] = {"commands": COMMANDS, "telemetry": {"temperature": {"unit": "°C"}}}
    async with board_at(gateway.ws_url, device, **introduction) as board:
        await board.send("telemetry", values={"temperature": 21.5})
        await board.send("log", message="hello", level="warning")
        yield board


async def show(page: Page, gateway: GatewayProcess, path: str) -> None:
    await page.goto(f"{gateway.url}/#/{path}")
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    if path.startswith("device"):
        await expect(page.locator("canvas").first).to_be_visible()


@pytest.mark.usefixtures("board")
@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_axe_finds_nothing_on_any_page(gateway: GatewayProcess, device: str, page: Page, theme: Any) -> None:
    await page.emulate_media(color_scheme=theme)
    for path in paths(device):
        await show(page, gateway, path)
        await check_axe(page)


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_axe_finds_nothing_while_board_and_gateway_are_offline(
    fresh_gateway: GatewayProcess, page: Page, device: str, theme: Any
) -> None:
    async with board_at(fresh_gateway.ws_url, device, commands=COMMANDS) as board:
        await board.send("telemetry", values={"temperature": 21.5})
        await page.emulate_media(color_scheme=theme)
        await page.goto(f"{fresh_gateway.url}/#/")
        await expect(page.get_by_text("21.5")).to_be_visible()
    await expect(page.get_by_role("list", name="Devices").get_by_text("Offline")).to_be_visible()
    fresh_gateway.stop()
    await expect(page.get_by_text("The gateway does not answer.")).to_be_visible()

    for path in ("", f"device/{device}"):
        await page.evaluate("path => { location.hash = `#/${path}`; }", path)
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        await check_axe(page)


async def test_a_screen_reader_reads_that_a_board_went_offline(
    gateway: GatewayProcess, device: str, page: Page
) -> None:
    async with board_at(gateway.ws_url, device, commands=COMMANDS, heap_free_bytes=100_000):
        await page.goto(f"{gateway.url}/#/device/{device}")
        await expect(page.locator("device-page .facts")).to_contain_text("Free memory")

    await expect(page.locator("#announcement")).to_have_text(f"{device}: Offline")
    await expect(page.locator("device-page .facts")).to_contain_text("Last seen")
    await expect(page.locator("device-page .facts")).not_to_contain_text("Free memory")


async def test_a_servo_is_moved_with_the_keyboard_alone(
    gateway: GatewayProcess, device: str, page: Page, board: Board
) -> None:
    await page.goto(gateway.url)
    await expect(page.get_by_role("link", name=device)).to_be_visible()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    await page.get_by_role("link", name=device).focus()
    await page.keyboard.press("Enter")
    slider = page.get_by_role("slider")
    await slider.focus()

    await page.keyboard.press("End")

    assert (await board.receive("command"))["args"] == {"angle": 180}


@pytest.mark.usefixtures("board")
async def test_skipping_the_header_stays_on_the_page(gateway: GatewayProcess, device: str, page: Page) -> None:
    await show(page, gateway, f"device/{device}")
    await page.get_by_role("link", name="Skip to content").focus()
    await page.keyboard.press("Enter")

    await expect(page.get_by_role("main")).to_be_focused()
    await expect(page).to_have_title(f"{device} · Darvaz")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="All devices")).to_be_focused()


async def test_the_focus_stays_where_the_language_is_chosen(gateway: GatewayProcess, page: Page) -> None:
    await show(page, gateway, "add")
    await page.get_by_label("Language").focus()

    await page.get_by_label("Language").select_option("fa")

    await expect(page.get_by_label("زبان")).to_be_focused()


@pytest.mark.usefixtures("open_window")
async def test_the_window_is_opened_and_closed_with_the_keyboard_alone(gateway: GatewayProcess, page: Page) -> None:
    await show(page, gateway, "add")
    await page.get_by_role("button", name="Close it now").focus()
    await page.keyboard.press("Enter")
    opener = page.get_by_role("button", name="Open the window for 15 minutes")
    await expect(opener).to_be_focused()
    await expect(opener).to_have_accessible_description("Closed: boards on other machines get no token.")

    await page.keyboard.press("Enter")

    closer = page.get_by_role("button", name="Close it now")
    await expect(closer).to_be_focused()
    await expect(closer).to_have_accessible_description(re.compile("^Open: 1"))


async def test_a_token_is_revoked_with_the_keyboard_and_the_page_says_so(gateway: GatewayProcess, page: Page) -> None:
    gateway.post("/api/tokens", json={"kind": "pico", "label": "shed"})
    await show(page, gateway, "access")
    revoke = page.get_by_role("button", name="Revoke shed")
    await revoke.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(revoke).to_be_focused()

    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")

    await expect(page.locator("#announcement")).to_have_text("shed is revoked.")
    await expect(page.get_by_role("heading", name="Tokens")).to_be_focused()


@pytest.mark.usefixtures("board")
@pytest.mark.parametrize(("width", "scale"), [(320, 1), (390, 3), (640, 2)])
async def test_no_page_is_wider_than_a_phone(
    gateway: GatewayProcess, device: str, browser: Browser, width: int, scale: int
) -> None:
    # A window of 1280 at 200 % is one of 640; 320 is what WCAG 2.2 asks for (1.4.10).
    context = await browser.new_context(viewport={"width": width, "height": 700}, device_scale_factor=scale)
    page = await context.new_page()
    for path in paths(device):
        await show(page, gateway, path)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, path
    await context.close()


@pytest.mark.usefixtures("board")
async def test_persian_is_chosen_remembered_and_written_with_its_digits_and_dates(
    gateway: GatewayProcess, device: str, page: Page
) -> None:
    await show(page, gateway, f"device/{device}")
    await page.get_by_label("Language").select_option("fa")

    await expect(page.get_by_role("heading", name="اندازه‌گیری‌ها")).to_be_visible()
    await page.reload()
    await expect(page.locator("html")).to_have_attribute("dir", "rtl")
    await expect(page.get_by_text("۲۱٫۵").first).to_be_visible()
    # The Jalali date, with ISO's beside it.
    await expect(page.locator("device-page time bdi").last).to_contain_text("20")
    await expect(page.locator("device-page .facts time").last).to_contain_text("۱۴")
    # Text that is typed and copied stays left to right.
    assert await page.evaluate("getComputedStyle(document.querySelector('.log')).direction") == "ltr"


async def test_dark_and_light_are_chosen_and_remembered(gateway: GatewayProcess, page: Page) -> None:
    await page.goto(gateway.url)
    await page.get_by_label("Appearance").select_option("dark")
    dark = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    await page.reload()
    await expect(page.get_by_label("Appearance")).to_have_value("dark")
    assert await page.evaluate("getComputedStyle(document.body).backgroundColor") == dark

    await page.get_by_label("Appearance").select_option("light")

    assert await page.evaluate("getComputedStyle(document.body).backgroundColor") != dark


async def test_words_are_whole_on_the_access_page_of_a_phone(gateway: GatewayProcess, browser: Browser) -> None:
    context = await browser.new_context(viewport={"width": 320, "height": 700}, locale="en-GB")
    page = await context.new_page()
    await page.goto(f"{gateway.url}/#/access")
    await page.get_by_label("Label").fill("gate")
    await page.get_by_role("button", name="Issue").click()
    revoke = page.get_by_role("button", name="Revoke").last
    await expect(revoke).to_be_attached()

    # A word that is broken would have several lines.
    box = await revoke.bounding_box()
    await context.close()

    assert box is not None and box["height"] < 50 < box["width"]


@pytest.mark.usefixtures("board")
@pytest.mark.parametrize("locale", ["en-GB", "fa-IR"])
@pytest.mark.parametrize("width", [320, 1280])
async def test_the_whole_journal_is_in_view(
    gateway: GatewayProcess, device: str, browser: Browser, width: int, locale: str
) -> None:
    context = await browser.new_context(viewport={"width": width, "height": 700}, locale=locale)
    page = await context.new_page()
    await show(page, gateway, f"device/{device}")
    await page.locator("device-journal summary").click()
    # The introduction is one word of hundreds of characters.
    await expect(page.locator("device-journal .payload", has_text='"commands"')).to_be_visible()

    is_cut = await page.locator("device-journal .wide").evaluate("wide => wide.scrollWidth > wide.clientWidth")
    await context.close()

    assert not is_cut


@pytest.mark.usefixtures("board")
async def test_the_navigation_is_one_line_at_twice_the_size(gateway: GatewayProcess, page: Page) -> None:
    await page.set_viewport_size({"width": 640, "height": 450})
    await show(page, gateway, "add")

    box = await page.get_by_role("navigation").bounding_box()

    assert box is not None and box["height"] < 50


@pytest.mark.usefixtures("board")
async def test_a_slider_is_as_long_as_a_phone_allows(gateway: GatewayProcess, device: str, page: Page) -> None:
    await page.set_viewport_size({"width": 360, "height": 700})
    await show(page, gateway, f"device/{device}")

    box = await page.get_by_role("slider").bounding_box()

    assert box is not None and box["width"] > 150
