"""Web Push in a real Chromium: the card that begins it, the service worker, and what it shows of what was sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.browser.conftest import ARGUMENTS
from tests.support.axe import check_axe
from tests.support.board import board_at
from tests.support.chromium import find_chromium
from tests.support.gateway import GatewayProcess
from tests.support.push_browser import PushBrowser, stand_in_of
from tests.support.push_service import PushService, Received

pytestmark = pytest.mark.timeout(180)
IS_ON = "This browser is told of alerts until you sign out."


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PushService]:
    with PushService(Path(tmp_path_factory.mktemp("push"))) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(service: PushService) -> Iterator[GatewayProcess]:
    env = {"SSL_CERT_FILE": str(service.authority), "DARVAZ_PUSH_LOCAL_HOSTS": "localhost"}
    with GatewayProcess(env=env) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        path = find_chromium(has_windows=True)
        running = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield running
        await running.close()


@pytest_asyncio.fixture(loop_scope="session")
async def phone(browser: Browser, gateway: GatewayProcess, service: PushService) -> AsyncIterator[PushBrowser]:
    """A browser that is told, at the page of alerts."""
    context = await browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
    context.set_default_timeout(20_000)
    opened = await PushBrowser.open(context, gateway, service.subscribe())
    await opened.page.goto(f"{gateway.url}/#/alerts")
    await opened.page.get_by_role("button", name="Tell this browser").click()
    await expect(opened.page.get_by_text(IS_ON)).to_be_visible()
    yield opened
    await context.close()
    # The gateway is that of the other tests, too.
    gateway.request("DELETE", "/api/alert-channels/browsers")


async def received(service: PushService, browser: PushBrowser, count: int) -> Received:
    found = await asyncio.to_thread(service.wait_for, browser.subscriber, count)
    return found[-1]


async def test_a_browser_shows_what_began_and_takes_it_away_when_it_is_over(
    phone: PushBrowser, gateway: GatewayProcess, service: PushService, device: str
) -> None:
    rule = {"when": "below", "device": device, "value": "temperature", "threshold": 5}
    assert gateway.post("/api/alert-rules", json=rule).is_success
    title = f"{device}: temperature is 3.5, below 5"
    async with board_at(gateway.ws_url, device) as board:
        await board.send("telemetry", values={"temperature": 3.5})
        await phone.deliver((await received(service, phone, 1)).payload)
        (began,) = await phone.notifications(title)
        await phone.page.goto(f"{gateway.url}/#/charts")
        await phone.click()
        await expect(phone.page).to_have_url(f"{gateway.url}/#/alerts")
        await phone.notifications()
        await phone.deliver((await received(service, phone, 1)).payload)
        await phone.notifications(title)
        await board.send("telemetry", values={"temperature": 21})
        await phone.deliver((await received(service, phone, 2)).payload)

    (over,) = await phone.notifications(f"{title} (over)")
    assert (began["lang"], began["dir"]) == ("en", "ltr") and "since" in began["body"]
    assert over["tag"] == began["tag"] and over["alerts"] == []


async def test_a_notification_about_several_alerts_goes_with_the_last_of_them(phone: PushBrowser) -> None:
    await phone.deliver({"title": "2 boards are offline", "body": "", "lang": "en", "tag": "x", "began": ["a", "b"]})
    await phone.notifications("2 boards are offline")

    await phone.deliver({"title": "a is back", "body": "", "lang": "en", "tag": "a", "ended": ["a"]})
    left = await phone.notifications("2 boards are offline", "a is back")
    await phone.deliver({"title": "b is back", "body": "", "lang": "en", "tag": "b", "ended": ["b"]})

    await phone.notifications("a is back", "b is back")
    assert [each["alerts"] for each in left if each["tag"] == "x"] == [["b"]]


async def test_a_click_opens_the_page_where_none_is_open(phone: PushBrowser, gateway: GatewayProcess) -> None:
    await phone.deliver({"title": "t", "body": "", "lang": "en", "tag": "x", "page": "/alerts", "began": ["a"]})
    await phone.notifications("t")
    await phone.page.goto("about:blank")

    assert await phone.click_without_page() == [f"{gateway.url}/#/alerts"]


async def test_a_person_tests_a_browser_in_its_language_and_has_it_told_no_more(
    phone: PushBrowser, service: PushService, gateway: GatewayProcess
) -> None:
    page = phone.page
    await page.locator("#language").select_option("fa")
    await expect(page.get_by_text("هشدارها به این مرورگر می‌آیند")).to_be_visible()
    await page.locator("alert-browser").get_by_role("button", name="فرستادن پیام آزمایشی").click()
    await phone.deliver((await received(service, phone, 1)).payload)
    (shown,) = await phone.notifications("آزمایش هشدارها")
    assert (shown["lang"], shown["dir"]) == ("fa", "rtl")
    channel = page.locator("alert-channels li", has_text="مرورگرهایی که خبر می‌گیرند")
    await expect(channel).to_be_visible()

    await page.get_by_role("button", name="دیگر خبر نده").click()

    await expect(page.get_by_role("button", name="به این مرورگر خبر بده")).to_be_focused()
    await expect(channel).to_have_count(0)


async def test_a_new_address_of_the_push_service_reaches_the_gateway(
    phone: PushBrowser, service: PushService, gateway: GatewayProcess
) -> None:
    phone.subscriber = service.subscribe()
    await phone.worker.evaluate(stand_in_of(phone.subscriber))

    await phone.worker.evaluate("""async () => {
        const waits = [];
        const event = new ExtendableEvent("pushsubscriptionchange");
        event.waitUntil = (wait) => waits.push(wait);
        self.dispatchEvent(event);
        await Promise.all(waits);
    }""")

    await phone.page.locator("alert-browser").get_by_role("button", name="Send a test").click()
    assert (await received(service, phone, 1)).payload["title"] == "Test of the alerts"


async def test_signing_out_ends_it(phone: PushBrowser, gateway: GatewayProcess) -> None:
    await phone.page.get_by_role("button", name="Sign out").click()
    await expect(phone.page).to_have_url(f"{gateway.url}/sign-in")

    async with asyncio.timeout(30):
        while True:
            channels = gateway.get("/api/alert-channels").json()["channels"]
            if channels == []:
                return
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("", "sign in with a link first"),
        ("Object.defineProperty(window, 'isSecureContext', { value: false })", "open the dashboard by https://"),
        ("delete window.PushManager", "add the page to the home screen"),
    ],
)
async def test_where_a_browser_cannot_be_told_the_page_says_why_and_what_to_do(
    gateway: GatewayProcess, page: Page, script: str, sentence: str
) -> None:
    await page.add_init_script(script)
    await page.goto(f"{gateway.url}/#/alerts")

    card = page.locator("alert-browser")
    await expect(card).to_contain_text(sentence)
    await expect(card.get_by_role("button")).to_have_count(0)
    await check_axe(page)


async def test_who_blocks_notifications_is_told_where_to_allow_them(
    phone: PushBrowser, gateway: GatewayProcess, browser: Browser
) -> None:
    context = await browser.new_context(locale="en-GB", permissions=[])
    page = await context.new_page()
    await page.context.add_cookies(await phone.page.context.cookies())  # type: ignore[arg-type]
    await page.goto(f"{gateway.url}/#/alerts")

    await expect(page.locator("alert-browser")).to_contain_text("allow them in its settings for this page")
    await context.close()


@pytest.mark.parametrize("language", ["en", "fa"])
@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_axe_finds_nothing_on_the_card(phone: PushBrowser, language: str, theme: Any) -> None:
    await phone.page.emulate_media(color_scheme=theme)
    await phone.page.locator("#language").select_option(language)
    await expect(phone.page.locator("alert-browser .done")).to_be_visible()
    for width in (1280, 390):
        await phone.page.set_viewport_size({"width": width, "height": 844})
        await check_axe(phone.page)
        assert await phone.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_service_worker_is_for_all_pages(gateway: GatewayProcess) -> None:
    answer = gateway.get("/service-worker.js")

    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "no-cache"
