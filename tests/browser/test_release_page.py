"""The page of releases shows what became of each board, why a rollout stopped, and lets it go on."""

from __future__ import annotations

import base64
import json
import re

import pytest
from playwright.async_api import Browser, Page, expect

from tests.support.board import board_at
from tests.support.gateway import GatewayProcess
from tests.support.updates import deploy, fall_back, receive_release, until

pytestmark = pytest.mark.timeout(120)
FILES = {"main.py": base64.b64encode(b"print(1)\n").decode()}


async def test_a_rollout_that_stopped_says_why(gateway: GatewayProcess, page: Page) -> None:
    files = {"main.py": base64.b64encode(b"1 / 0\n").decode()}
    assert gateway.post("/api/devices/canary-1/update-key").is_success
    program = {"state": "flashed", "counter": 0, "has_key": True}
    async with board_at(gateway.ws_url, "canary-1", program=program) as board:
        async with board_at(gateway.ws_url, "rest-1"):
            number = gateway.post("/api/releases", json={"name": "lamp", "files": files}).json()["number"]
            plan = {"release": number, "to": ["canary-1", "rest-1"], "canary": 1}
            assert gateway.post("/api/rollouts", json=plan).is_success
            counter = await fall_back(board)
        after = {"state": "fell_back", "counter": counter, "failed": counter, "reason": "ZeroDivisionError: <b>"}
        async with board_at(gateway.ws_url, "canary-1", program={**program, **after}):
            await page.goto(f"{gateway.url}/#/releases")
            shown = page.locator("release-page")
            await expect(shown.get_by_role("heading", name="stopped").first).to_be_visible()
            await expect(shown.locator("pre").first).to_contain_text("ZeroDivisionError: <b>")
            await expect(shown.get_by_text("1 fell back, 1 waiting")).to_be_visible()
            await shown.get_by_role("button", name="Go on").first.click()
            await expect(shown.get_by_role("heading", name="under way").first).to_be_visible()


async def test_a_persian_page_says_in_persian_why_a_release_is_not_good(
    gateway: GatewayProcess, browser: Browser
) -> None:
    files = {"main.py": base64.b64encode(b"import lamp\n").decode()}
    assert gateway.post("/api/devices/canary-2/update-key").is_success
    program = {"state": "flashed", "counter": 0, "has_key": True}
    async with board_at(gateway.ws_url, "canary-2", program=program) as board:
        number = gateway.post("/api/releases", json={"name": "lamp", "files": files}).json()["number"]
        assert gateway.post("/api/rollouts", json={"release": number, "to": ["canary-2"]}).is_success
        counter = await fall_back(board)
    reason = "it was not found good in 3 starts"
    after = {"state": "fell_back", "counter": counter, "failed": counter, "reason": reason}
    context = await browser.new_context(locale="fa-IR")
    async with board_at(gateway.ws_url, "canary-2", program={**program, **after}):
        page = await context.new_page()
        await page.goto(f"{gateway.url}/#/releases")
        await expect(page.locator("release-page pre").first).to_contain_text("پس از ۳ راه‌اندازی")
    await context.close()


async def test_a_rollout_is_paused_and_goes_on(gateway: GatewayProcess, page: Page) -> None:
    async with board_at(gateway.ws_url, "away-1"):
        pass
    number = gateway.post("/api/releases", json={"name": "lamp", "files": FILES}).json()["number"]
    assert gateway.post("/api/rollouts", json={"release": number, "to": ["away-1"]}).is_success
    await page.goto(f"{gateway.url}/#/releases")
    shown = page.locator("release-page section").first
    await expect(shown.get_by_role("heading", name="under way")).to_be_visible()

    await shown.get_by_role("button", name="Pause").click()
    await expect(shown.get_by_role("heading", name="paused")).to_be_visible()
    await shown.get_by_role("button", name="Go on").click()
    await expect(shown.get_by_role("heading", name="under way")).to_be_visible()
    await shown.get_by_role("button", name="End").click()
    await expect(shown.get_by_role("heading", name="stopped").first).to_be_visible()


async def test_of_many_boards_those_that_failed_come_first_and_the_others_when_asked(
    fresh_gateway: GatewayProcess, page: Page
) -> None:
    number = fresh_gateway.post("/api/releases", json={"name": "lamp", "files": FILES}).json()["number"]
    for board in range(109):
        async with board_at(fresh_gateway.ws_url, f"many-{board:03}"):
            pass
    # This one has no loader, and so refuses.
    async with board_at(fresh_gateway.ws_url, "many-109"):
        plan = {"release": number, "to": ["all"], "stop_percent": 100}
        assert fresh_gateway.post("/api/rollouts", json=plan).is_success
        await page.goto(f"{fresh_gateway.url}/#/releases")
        shown = page.locator("release-page")

        await expect(shown.get_by_role("listitem")).to_have_count(100)
        await expect(shown.get_by_role("listitem").first).to_contain_text("many-109")
        await shown.get_by_role("button", name="Show all boards").click()
        await expect(shown.get_by_role("listitem")).to_have_count(110)
        await shown.get_by_role("group").locator("summary").click()
        await expect(shown.get_by_role("listitem")).to_have_count(0)


async def test_a_board_in_safe_mode_says_why_and_is_given_another_release(gateway: GatewayProcess, page: Page) -> None:
    files = {"main.py": base64.b64encode(b"print('whole')\n").decode()}
    key = bytes.fromhex(gateway.post("/api/devices/broken-1/update-key").json()["key"])
    good = gateway.post("/api/releases", json={"name": "lamp", "files": files}).json()["number"]
    async with board_at(
        gateway.ws_url, "broken-1", program={"state": "flashed", "counter": 0, "has_key": True}
    ) as board:
        rollout = deploy(gateway, good, "broken-1")
        await receive_release(board, key)
        # Else the gateway would give it again to the board that comes next.
        await until(gateway, rollout, lambda found: found["counts"].get("good") == 1)
    broken = {"main.py": base64.b64encode(b"1 / 0\n").decode()}
    failed = gateway.post("/api/releases", json={"name": "lamp", "files": broken}).json()["number"]
    reason = 'Traceback:\n  File "/lib/darvaz_loader.mpy", line 136, in run\nValueError: <sensor>'
    program = {"state": "safe_mode", "release": str(failed), "counter": 5, "has_key": True, "reason": reason}
    async with board_at(gateway.ws_url, "broken-1", program=program) as board:
        await page.goto(f"{gateway.url}/#/device/broken-1")
        shown = page.locator("device-release")
        await expect(shown.get_by_text("Safe mode")).to_be_visible()
        await expect(shown.locator("pre")).to_have_text("Traceback: ValueError: <sensor>")

        await expect(shown.locator("select")).to_have_value(str(good))
        await shown.get_by_role("button", name="Give").click()
        received = await receive_release(board, key)
        await expect(shown.locator("output")).to_have_text(re.compile("on trial|good"))

    assert received == {"main.py": b"print('whole')\n"}


async def test_a_gateway_without_releases_says_how_to_make_one_and_offers_none(
    fresh_gateway: GatewayProcess, page: Page
) -> None:
    program = {"state": "flashed", "counter": 0, "has_key": True}
    async with board_at(fresh_gateway.ws_url, "lone-1", program=program):
        await page.goto(f"{fresh_gateway.url}/#/device/lone-1")
        offered = page.locator("device-release")
        await expect(offered.get_by_text("darvaz deploy")).to_be_visible()
        await expect(offered.get_by_role("combobox")).to_be_hidden()

        release = {"name": "lamp", "files": {"main.py": base64.b64encode(b"1").decode()}}
        assert fresh_gateway.post("/api/releases", json=release).is_success
        await page.reload()
        await expect(offered.get_by_role("combobox")).to_be_visible()
        await expect(offered.get_by_text("darvaz deploy")).to_be_hidden()


async def test_selected_boards_are_given_a_release_at_once(gateway: GatewayProcess, page: Page) -> None:
    program = {"state": "flashed", "counter": 0, "has_key": True}
    number = gateway.post("/api/releases", json={"name": "many", "files": FILES}).json()["number"]
    for device in ("many-1", "many-2"):
        assert gateway.post(f"/api/devices/{device}/update-key").is_success
    async with board_at(gateway.ws_url, "many-1", program=program) as one:
        async with board_at(gateway.ws_url, "many-2", program=program) as two:
            await page.goto(f"{gateway.url}/#/?q=many-")
            await page.get_by_role("button", name="Select", exact=True).click()
            await page.get_by_role("button", name="All shown").click()
            releases = "**/api/releases"
            await page.route(releases, lambda route: route.abort())
            await page.get_by_role("button", name="Release …").click()
            await expect(page.locator(".batch-panel output")).to_have_text(re.compile("."))
            await page.unroute(releases)
            await page.get_by_role("button", name="Release …").click()
            await expect(page.get_by_label("Releases")).to_be_focused()
            await expect(page.get_by_label("Releases")).to_have_value(str(number))
            await page.get_by_role("button", name="Send to 2").click()

            await expect(page.get_by_role("heading", name=f"Release {number}").first).to_be_visible()
            for board in (one, two):
                assert json.loads((await board.receive("update"))["header"])["release"] == str(number)
