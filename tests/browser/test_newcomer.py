"""A newcomer's first minutes: the link, a board, its controls and numbers, a camera, and one more board."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.support.board import board_at
from tests.support.gateway import GatewayProcess

pytestmark = pytest.mark.timeout(120)
PAN = {"angle": {"type": "number", "min": 0, "max": 180, "unit": "°"}}


@pytest_asyncio.fixture(loop_scope="session")
async def boards(gateway: GatewayProcess) -> AsyncIterator[None]:
    """A virtual Pico and a virtual camera, with the real firmware."""
    command = [sys.executable, "-m", "darvaz", "simulate", "--gateway", gateway.url]
    running = await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL)
    yield
    running.terminate()
    await asyncio.wait_for(running.wait(), 30)


@pytest.mark.usefixtures("boards")
async def test_a_newcomer_moves_a_servo_sees_a_plot_and_a_camera(gateway: GatewayProcess, page: Page) -> None:
    link = re.search(r"http://\S+/sign-in(#dvz_\S+)", gateway.log_text())
    assert link is not None
    await page.goto(f"{gateway.url}/sign-in{link[1]}")
    await expect(page.get_by_role("heading", name="Devices")).to_be_visible()

    await page.get_by_role("link", name="virtual-pico-1").click()
    pan = page.locator("form.control", has_text="pan").get_by_role("slider")
    await pan.focus()
    await pan.press("ArrowRight")
    await expect(page.locator("form.control", has_text="pan").locator(".status")).to_contain_text("done: angle 91")
    await page.get_by_role("group", name="led").get_by_role("button", name="on").click()
    await expect(page.get_by_role("switch", name="led")).to_have_attribute("aria-checked", "true")
    plot = page.get_by_role("img", name=re.compile(r"^temperature: history\. lowest \d+"))
    await expect(plot).to_be_visible()
    await expect(page.locator("device-log li").first).to_contain_text("wifi: joined Home")

    await page.get_by_role("link", name="Cameras").click()
    picture = page.get_by_role("img", name="Live picture of virtual-esp32cam-1")
    await expect(picture).to_be_visible()
    assert await picture.evaluate("image => image.naturalWidth") == 640


@pytest.mark.usefixtures("open_window")
async def test_a_board_that_is_added_appears_by_itself(gateway: GatewayProcess, page: Page) -> None:
    await page.goto(f"{gateway.url}/#/add")
    await page.get_by_role("button", name="Close it now").click()
    await expect(page.get_by_text("Closed: boards on other machines get no token.")).to_be_visible()
    await page.get_by_role("button", name="Open the window for 15 minutes").click()
    await expect(page.get_by_text(re.compile(r"Open: 1[45]\smin"))).to_be_visible()
    await expect(page.get_by_text(f"DARVAZ_GATEWAY={gateway.url} make flash", exact=True)).to_be_visible()

    async with board_at(gateway.ws_url, "added", commands={"pan": PAN}):
        await expect(page.get_by_text("added", exact=True)).to_be_visible()
        await page.get_by_role("link", name="Show it").click()
        await expect(page.get_by_role("heading", name="added")).to_be_visible()


@pytest.mark.usefixtures("open_window")
async def test_a_window_that_is_closed_elsewhere_is_closed_on_the_page(gateway: GatewayProcess, page: Page) -> None:
    await page.clock.install()
    await page.goto(f"{gateway.url}/#/add")
    await expect(page.get_by_text(re.compile("^Open: "))).to_be_visible()
    await page.get_by_role("button", name="Close it now").focus()

    await asyncio.to_thread(httpx.delete, f"{gateway.url}/api/enrolment", trust_env=False)
    # The page asks every five seconds.
    await page.clock.run_for(5_000)

    await expect(page.get_by_text("Closed: boards on other machines get no token.")).to_be_visible(timeout=15_000)
    await expect(page.get_by_role("button", name="Open the window for 15 minutes")).to_be_focused()


@pytest.mark.parametrize(
    ("known", "shown"),
    [("http://192.0.2.7:3000", "ws://192.0.2.7:3000"), ("http://127.0.0.1:3000", "ws://YOUR-ADDRESS:3000")],
)
async def test_the_address_to_type_is_the_one_that_boards_find(
    gateway: GatewayProcess, page: Page, known: str, shown: str
) -> None:
    answer = {"is_open": False, "seconds_left": 0, "policy": "window", "address": known}
    await page.route("**/api/enrolment", lambda route: route.fulfill(json=answer))

    await page.goto(f"{gateway.url}/#/add")

    await expect(page.get_by_text(shown, exact=True)).to_be_visible()


async def test_a_board_is_named_and_forgotten(fresh_gateway: GatewayProcess, page: Page) -> None:
    async with board_at(fresh_gateway.ws_url, "pan-tilt"):
        await page.goto(f"{fresh_gateway.url}/#/device/pan-tilt")
        await page.get_by_label("Name").fill("Front gate")
        await page.get_by_role("button", name="Save", exact=True).click()
        await expect(page.get_by_role("heading", name="Front gate")).to_be_visible()

        await page.get_by_role("button", name="Forget this board").click()
        await page.get_by_role("button", name="Cancel").click()
        await expect(page.get_by_role("heading", name="Front gate")).to_be_visible()
        await page.get_by_role("button", name="Forget this board").click()
        await page.get_by_role("dialog").get_by_role("button", name="Forget this board").click()

        await expect(page.get_by_text("No board has connected yet.")).to_be_visible()


async def test_a_token_is_shown_once_and_revoked(gateway: GatewayProcess, page: Page) -> None:
    await page.goto(f"{gateway.url}/#/access")
    await page.get_by_label("Label").fill("shed")
    await page.get_by_role("button", name="Issue").click()
    await expect(page.get_by_text("Copy it now: it is shown only once.")).to_be_visible()
    token = await page.locator("pre", has_text="dvz_").inner_text()
    async with board_at(gateway.ws_url, "shed", token=token):
        assert gateway.get("/api/devices/shed").json()["online"]

    await page.get_by_role("button", name="Revoke shed").click()
    await page.get_by_role("dialog").get_by_role("button", name="Revoke").click()

    await expect(page.get_by_role("row", name="Raspberry Pi Pico W shed")).to_contain_text("revoked")


async def test_a_token_is_copied_where_the_browser_has_no_clipboard(gateway: GatewayProcess, page: Page) -> None:
    # Browsers have none on a page that comes over plain HTTP from another machine.
    await page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    await page.goto(f"{gateway.url}/#/access")
    await page.get_by_role("button", name="Issue").click()
    token = await page.locator("pre", has_text="dvz_").inner_text()

    await page.get_by_role("button", name="Copy", exact=True).click()

    await expect(page.get_by_role("button", name="Copied.")).to_be_visible()
    await page.get_by_label("Label").focus()
    await page.keyboard.press("ControlOrMeta+v")
    await expect(page.get_by_label("Label")).to_have_value(token[:64])


async def test_a_viewer_sees_disabled_controls(gateway: GatewayProcess, page: Page) -> None:
    made = gateway.post("/api/sign-in-links", json={"role": "viewer"})
    await page.goto(gateway.url + made.json()["path"])
    await expect(page.get_by_role("heading", name="Devices")).to_be_visible()
    async with board_at(gateway.ws_url, "viewed", commands={"pan": PAN}):
        await page.get_by_role("link", name="viewed").click()

        await expect(page.get_by_text("You can view everything; changes need an operator.")).to_be_visible()
        await expect(page.get_by_role("slider")).to_be_disabled()
        await expect(page.get_by_role("link", name="Access")).to_have_count(0)
        await page.goto(f"{gateway.url}/#/access")
        await expect(page.get_by_text("This page is for operators.")).to_be_visible()
