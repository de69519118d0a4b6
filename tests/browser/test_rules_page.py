"""The page of rules: a lamp at seven, a heater when it is cold, run at once, changed, switched off and removed."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.support.board import board_at
from tests.support.gateway import GatewayProcess

pytestmark = pytest.mark.timeout(120)
COMMANDS = {"power": {"on": {"type": "boolean"}}}


async def test_a_lamp_is_switched_on_at_seven_on_school_days(gateway: GatewayProcess, device: str, page: Page) -> None:
    async with board_at(gateway.ws_url, device, commands=COMMANDS) as board:
        await page.goto(f"{gateway.url}/#/rules")
        await page.get_by_label("Time of day", exact=True).fill("07:00")
        for day in ("Sat", "Sun"):
            await page.get_by_label(day, exact=True).uncheck()
        await page.get_by_label("To", exact=True).select_option(f"device/{device}")
        await page.locator(".rule-form fieldset select").select_option(label="on")
        await page.get_by_role("button", name="Save the rule").click()

        rule = page.locator("rules-page li.rule", has_text=device)
        await expect(rule).to_contain_text(re.compile(r"at 07:00 · Mon, Tue, Wed, Thu, Fri → .*power \(on on\)"))
        await expect(rule).to_contain_text("next")
        await expect(rule).to_contain_text(re.compile("T?07:00"))
        await rule.get_by_role("button", name="Run now").click()
        command = await board.receive("command")
        assert command["args"] == {"on": True}
        await board.send("ack", id=command["id"], status="ok")
        await expect(rule).to_contain_text("by hand: Done", ignore_case=True)

        await rule.get_by_role("button", name="Change").click()
        await page.get_by_label("Time of day", exact=True).fill("08:15")
        await page.get_by_role("button", name="Save the rule").click()
        await expect(rule).to_contain_text("at 08:15")
        await rule.get_by_role("button", name="Switch off").click()
        await expect(rule).to_have_class(re.compile("away"))
        await rule.get_by_role("button", name="Remove").click()
        await page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        await expect(rule).to_have_count(0)


async def test_a_rule_about_a_value_is_made_in_persian_on_a_phone(
    gateway: GatewayProcess, device: str, page: Page
) -> None:
    await page.set_viewport_size({"width": 320, "height": 640})
    async with board_at(gateway.ws_url, device, commands=COMMANDS) as board:
        await board.send("telemetry", values={"temperature": 21.5})
        await page.goto(f"{gateway.url}/#/rules")
        await page.locator("#language").select_option("fa")
        await page.get_by_label("وقتی", exact=True).select_option("below")
        await page.get_by_label("برد", exact=True).select_option(f"device/{device}")
        await page.get_by_label("مقدار", exact=True).fill("temperature")
        await page.get_by_label("عدد", exact=True).fill("۵٫۵")
        await page.get_by_label("به مدت دقیقه", exact=True).fill("۲")
        await page.get_by_label("آنگاه", exact=True).select_option("message")
        await page.get_by_label("پیام", exact=True).fill("گلخانه سرد است")
        await page.get_by_role("button", name="ذخیرهٔ قاعده").click()

        rule = page.locator("rules-page li.rule", has_text=device)
        await expect(rule).to_contain_text("کمتر از ۵٫۵")
        await expect(rule).to_contain_text("گفتن «گلخانه سرد است»")
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        async with httpx.AsyncClient(base_url=gateway.url) as client:
            rules = (await client.get("/api/rules")).json()["rules"]
        (made,) = [each for each in rules if each["device"] == device]
        assert (made["threshold"], made["for_s"], made["message"]) == (5.5, 120.0, "گلخانه سرد است")
