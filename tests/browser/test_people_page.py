"""People: a class is invited by one link, each sees what they may, and is cut off when they are removed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import cv2
import httpx
import numpy
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.support.axe import check_axe
from tests.support.board import board_at
from tests.support.gateway import GatewayProcess
from tests.support.verbs import run_darvaz

pytestmark = pytest.mark.timeout(120)
COMMANDS = {"lamp": {"on": {"type": "boolean"}}}


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    """A gateway that asks its own machine for a token too: a browser that was cut off is not let in by that."""
    with GatewayProcess(env={"DARVAZ_LOCALHOST_WITHOUT_TOKEN": "false"}) as running:
        yield running


async def token_of(gateway: GatewayProcess, kind: str) -> str:
    ran = await asyncio.to_thread(run_darvaz, "token", "issue", kind, "--data", str(gateway.data))
    return ran.stdout.strip()


@pytest_asyncio.fixture(loop_scope="session")
async def owner(gateway: GatewayProcess, page: Page) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the token of an owner, as whom the page is signed in, too."""
    token = await token_of(gateway, "owner")
    await page.goto(f"{gateway.url}/sign-in#{token}")
    await expect(page).to_have_url(f"{gateway.url}/")
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=gateway.url, headers=headers) as client:
        yield client


async def link_in(page: Page) -> str:
    """Returns the link that is shown, which its QR code says too."""
    code = page.locator(".link-code")
    await expect(code).to_be_visible()
    picture = numpy.frombuffer(await code.locator("svg").screenshot(), numpy.uint8)
    drawn = cv2.imdecode(picture, cv2.IMREAD_COLOR)
    assert drawn is not None
    # The detector overlooks some codes in one size and finds them in another.
    sizes = [cv2.resize(drawn, None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST) for scale in (1, 2, 3)]
    found = [cv2.QRCodeDetector().detectAndDecode(picture)[0] for picture in sizes]
    link = await code.locator("pre").inner_text()
    assert link in found
    return link


async def test_a_class_is_invited_by_one_link_and_a_pupil_removed(
    gateway: GatewayProcess, browser: Browser, page: Page, device: str, owner: httpx.AsyncClient
) -> None:
    other = f"{device}-b"
    async with (
        board_at(gateway.ws_url, device, token=await token_of(gateway, "pico"), commands=COMMANDS),
        board_at(gateway.ws_url, other, token=await token_of(gateway, "pico"), commands=COMMANDS),
    ):
        await owner.patch(f"/api/groups/{device}", json={"add": [device]})
        await page.goto(f"{gateway.url}/#/people")
        await page.get_by_label("all boards").uncheck()
        await page.get_by_label(device, exact=True).check()
        await page.get_by_label("How many").fill("30")
        await page.get_by_role("button", name="Make a link").click()
        link = await link_in(page)
        await expect(page.locator(".link-code")).to_contain_text("It lets in 30. Until")

        # In another browser, and in Persian.
        context = await browser.new_context(locale="fa-IR", viewport={"width": 390, "height": 844})
        pupil = await context.new_page()
        await pupil.goto(f"{gateway.url}/sign-in#{link.partition('#')[2]}")
        await pupil.get_by_label("نام شما").fill("سارا")
        await pupil.get_by_role("button", name="ورود").click()
        await expect(pupil.get_by_role("link", name=device, exact=True)).to_be_visible()
        await expect(pupil.get_by_role("link", name=other, exact=True)).to_have_count(0)
        await expect(pupil.get_by_role("link", name="دسترسی")).to_have_count(0)

        await page.reload()
        row = page.get_by_role("row", name="سارا")
        await expect(row).to_contain_text(device)
        await row.get_by_role("button", name="Remove").click()
        await page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        await expect(pupil).to_have_url(f"{gateway.url}/sign-in")
        await context.close()


async def test_what_a_person_may_use_is_changed_by_group_and_command(
    gateway: GatewayProcess, page: Page, device: str, owner: httpx.AsyncClient
) -> None:
    async with board_at(gateway.ws_url, device, token=await token_of(gateway, "pico"), commands=COMMANDS):
        await owner.patch(f"/api/groups/{device}", json={"add": [device]})
        name = f"Sara {device}"
        everything = [{"group": None, "commands": None}]
        await owner.post("/api/people", json={"name": name, "role": "user", "grants": everything})
        await page.goto(f"{gateway.url}/#/people")
        row = page.get_by_role("row", name=name)
        await row.get_by_role("button", name="Boards").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("all boards", exact=True).uncheck()
        await dialog.get_by_label(device, exact=True).check()
        await dialog.get_by_label(f"Only these commands: {device}").fill("lamp")
        await check_axe(page)
        await dialog.get_by_role("button", name="Save").click()

        await expect(dialog).to_have_count(0)
        await expect(row).to_contain_text(f"{device}: lamp")
        people = (await owner.get("/api/people")).json()["people"]
    found = next(each for each in people if each["name"] == name)
    assert found["grants"] == [{"group": device, "commands": ["lamp"]}]


async def test_a_shared_dashboard_is_all_that_its_link_shows(
    gateway: GatewayProcess, browser: Browser, page: Page, device: str, owner: httpx.AsyncClient
) -> None:
    cards = [
        {"kind": "value", "device": device, "name": "light"},
        {"kind": "control", "device": device, "name": "lamp"},
    ]
    token = await token_of(gateway, "pico")
    async with board_at(gateway.ws_url, device, token=token, commands=COMMANDS) as board:
        await board.send("telemetry", values={"light": 42})
        layout = (await owner.post("/api/layouts", json={"title": "Hall", "cards": cards})).json()["id"]
        await page.goto(f"{gateway.url}/#/layouts/{layout}")
        await page.get_by_role("button", name="Share").click()
        await page.get_by_role("button", name="Make a link").click()
        link = await link_in(page)

        context = await browser.new_context(locale="en-GB")
        wall = await context.new_page()
        await wall.goto(f"{gateway.url}/sign-in#{link.partition('#')[2]}")
        await expect(wall.get_by_role("heading", level=1)).to_have_text("Hall")
        await expect(wall.locator(".tile").first).to_contain_text("42")
        await expect(wall.locator("#header nav a")).to_have_count(0)
        await expect(wall.get_by_role("switch")).to_have_count(0)
        await context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_axe_finds_nothing_on_people_cards_and_what_is_shared(
    gateway: GatewayProcess, page: Page, device: str, owner: httpx.AsyncClient, theme: Any
) -> None:
    await page.emulate_media(color_scheme=theme)
    cards = [{"kind": kind, "device": device, "name": "light"} for kind in ("value", "gauge", "plot")]
    cards += [{"kind": "log", "device": device}, {"kind": "control", "device": device, "name": "lamp"}]
    async with board_at(gateway.ws_url, device, token=await token_of(gateway, "pico"), commands=COMMANDS) as board:
        await board.send("telemetry", values={"light": 12})
        await board.send("log", message="the heater is on", level="warning")
        await page.goto(f"{gateway.url}/#/people")
        await page.get_by_role("button", name="Make a link").click()
        await link_in(page)
        await check_axe(page)

        added = await owner.post("/api/layouts", json={"title": device, "cards": cards})
        await page.goto(f"{gateway.url}/#/layouts/{added.json()['id']}")
        await expect(page.get_by_role("meter")).to_have_attribute("aria-valuenow", "12")
        await check_axe(page)
        await page.get_by_role("button", name="Share").click()
        await page.get_by_role("button", name="Make a link").click()
        await link_in(page)
        await check_axe(page)


async def test_the_language_that_a_person_chooses_follows_them_to_another_browser(
    gateway: GatewayProcess, browser: Browser, owner: httpx.AsyncClient, page: Page
) -> None:
    made = await owner.post("/api/people", json={"name": "Yasaman", "role": "viewer"})
    paths = [(await owner.post(f"/api/people/{made.json()['id']}/links")).json()["path"] for _ in range(2)]
    contexts = [await browser.new_context(locale="en-GB") for _ in range(3)]
    first, second, third = [await context.new_page() for context in contexts]
    await first.goto(gateway.url + paths[0])
    await expect(first.get_by_label("Language")).to_have_value("en")
    async with first.expect_response(lambda response: response.request.method == "PATCH"):
        await first.get_by_label("Language").select_option("fa")

    await second.goto(gateway.url + paths[1])
    await expect(second.locator("html")).to_have_attribute("lang", "fa")
    await expect(second.get_by_role("heading", name="دستگاه‌ها")).to_be_visible()
    link = (await owner.post(f"/api/people/{made.json()['id']}/links")).json()["path"]
    await third.goto(gateway.url + link.partition("#")[0])
    await expect(third.locator("#status")).to_have_text("برای استفاده از دروازه وارد شوید.")
    await page.goto(f"{gateway.url}/#/people")
    await expect(page.get_by_role("row", name="Yasaman")).to_contain_text("Persian")
    for context in contexts:
        await context.close()
