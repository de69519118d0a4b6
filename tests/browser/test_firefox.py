"""The dashboard in Firefox: every page in both languages, on a desktop and a phone; commands; two tabs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.support.board import Board, board_at
from tests.support.firefox import Firefox, Tab, firefox_in
from tests.support.gateway import GatewayProcess

pytestmark = [pytest.mark.timeout(180), pytest.mark.xdist_group("firefox")]
PAGES = ("", "device/fox", "cameras", "charts", "charts?s=fox/temperature&last=600", "rules", "layouts/new", "layouts")
MORE_PAGES = ("alerts", "journal", "releases", "people", "add", "access")
COMMANDS: dict[str, Any] = {"pan": {"angle": {"type": "number", "min": 0, "max": 180, "unit": "°"}}, "home": {}}
LANGUAGE_KEY = "darvaz.language"
LANGUAGES = {"en": "ltr", "fa": "rtl"}
SIZES = {"desktop": (1280, 900), "phone": (390, 780)}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def firefox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Firefox]:
    async with firefox_in(tmp_path_factory.mktemp("browser")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def tab(firefox: Firefox) -> AsyncIterator[Tab]:
    firefox.errors.clear()
    yield await firefox.first_tab()
    assert firefox.errors == []


@pytest_asyncio.fixture(loop_scope="session")
async def board(gateway: GatewayProcess) -> AsyncIterator[Board]:
    introduction: dict[str, Any] = {"commands": COMMANDS, "telemetry": {"temperature": {"unit": "°C"}}}
    async with board_at(gateway.ws_url, "fox", **introduction) as board:
        await board.send("telemetry", values={"temperature": 21.5})
        yield board


@pytest.mark.usefixtures("board")
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_page_shows_and_fits(gateway: GatewayProcess, tab: Tab, language: str, size: str) -> None:
    await tab.resize(*SIZES[size])
    await show(tab, gateway.url)
    await tab.evaluate(f"localStorage.setItem('{LANGUAGE_KEY}', '{language}')")
    await show(tab, f"{gateway.url}/?{language}-{size}")
    assert await tab.evaluate("document.documentElement.dir || 'ltr'") == LANGUAGES[language]
    for path in (*PAGES, *MORE_PAGES):
        await tab.evaluate(f"location.hash = '#/{path}'")
        await tab.until("document.querySelector('h1')?.textContent")
        wide = await tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{path} is {wide} px too wide"
    await tab.evaluate(f"localStorage.removeItem('{LANGUAGE_KEY}')")


async def show(tab: Tab, url: str) -> None:
    """Opens a page; before it is whole, leaving it would end scripts that are on their way, which Firefox reports."""
    await tab.visit(url)
    await tab.until("document.querySelector('h1')?.textContent")
    await tab.until("performance.now() - Math.max(...performance.getEntries().map((e) => e.responseEnd ?? 0)) > 300")


async def test_a_command_is_sent_by_a_click_and_its_result_is_shown(
    gateway: GatewayProcess, tab: Tab, board: Board
) -> None:
    await tab.resize(*SIZES["desktop"])
    await show(tab, f"{gateway.url}/#/device/fox")
    await tab.click("device-page button[aria-label='Run: home']")

    command = await board.receive("command")
    await board.send("ack", id=command["id"], status="ok", result={"angle": 90})

    assert command["name"] == "home"
    await tab.until("document.querySelector('device-page').innerText.includes('90')")


async def test_two_tabs_show_what_a_board_says_at_once(
    gateway: GatewayProcess, firefox: Firefox, tab: Tab, board: Board
) -> None:
    second = await firefox.open_tab()
    for each in (tab, second):
        await show(each, f"{gateway.url}/?two#/device/fox")
        await each.until("document.body.innerText.includes('21.5')")

    await board.send("telemetry", values={"temperature": 23.5})

    # A tab that nobody sees draws nothing.
    for each in (tab, second):
        await each.activate()
        await each.until("document.body.innerText.includes('23.5')")
    await second.close()
