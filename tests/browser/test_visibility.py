"""A board is hidden from another system by a switch of its page."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.support.board import board_at
from tests.support.gateway import GatewayProcess

pytestmark = pytest.mark.timeout(120)


async def test_a_switch_hides_a_board_and_shows_it_again(gateway: GatewayProcess, page: Page, device: str) -> None:
    def hidden_from() -> list[str]:
        found: list[str] = gateway.get(f"/api/devices/{device}").json()["hidden_from"]
        return found

    async with board_at(gateway.ws_url, device):
        await page.goto(f"{gateway.url}/#/device/{device}")
        panel = page.locator("device-visibility")
        switch = panel.get_by_role("checkbox", name="Prometheus")
        await expect(switch).to_be_checked()
        await switch.click()
        await expect(panel.get_by_text("Saved.")).to_be_visible()
        hidden = hidden_from()
        await page.reload()
        await expect(switch).not_to_be_checked()
        await switch.click()
        await expect(panel.get_by_text("Saved.")).to_be_visible()

        assert (hidden, hidden_from()) == (["metrics"], [])


async def test_home_assistant_is_turned_on_for_all_boards(gateway: GatewayProcess, page: Page, device: str) -> None:
    def nodes() -> list[str]:
        return [node["device"] for node in gateway.get("/api/home-assistant").json()["nodes"]]

    async with board_at(gateway.ws_url, device):
        await page.goto(f"{gateway.url}/#/device/{device}")
        panel = page.locator("device-visibility")
        for_all = panel.get_by_role("checkbox", name="Home Assistant for all boards")
        for_this = panel.get_by_role("checkbox", name="Home Assistant").first
        await expect(panel.get_by_text("off for all boards: turn it on below")).to_be_visible()
        await expect(for_this).to_be_disabled()
        await for_all.click()
        await page.get_by_role("button", name="Turn on").click()
        await expect(for_this).to_be_enabled()
        was_on = gateway.get("/api/home-assistant").json()["is_on"]
        await for_all.click()
        await expect(for_this).to_be_disabled()

        assert (was_on, nodes()) == (True, [])
