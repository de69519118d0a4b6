"""The page of a device shows why its program died, and runs code at its prompt; a viewer has no prompt."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.support.board import board_at
from tests.support.gateway import GatewayProcess

pytestmark = pytest.mark.timeout(120)
TRACE = 'Traceback (most recent call last):\n  File "main.py", line 3, in water\nValueError: <b>dry</b>'


async def test_a_crash_appears_with_its_traceback_until_it_is_forgotten(
    gateway: GatewayProcess, page: Page, device: str
) -> None:
    async with board_at(gateway.ws_url, device, boot_id="b2") as board:
        await page.goto(f"{gateway.url}/#/device/{device}")
        await expect(page.get_by_role("heading", name="Log", exact=True)).to_be_visible()
        await expect(page.get_by_role("heading", name="Crashes")).to_have_count(0)

        await board.send("crash", reason="exception", boot_id="b1", traceback=TRACE, log=["the last line"], seq=0)

        crash = page.get_by_text("ValueError: <b>dry</b> in water")
        await crash.click()
        await expect(page.get_by_label("Traceback")).to_have_text(TRACE)
        await expect(page.locator("device-crashes")).to_contain_text("the last line")
        await page.get_by_role("button", name="Repaired: forget it").click()
        await expect(crash).to_have_count(0)


async def test_code_is_run_at_the_prompt_and_its_answer_shown(gateway: GatewayProcess, page: Page, device: str) -> None:
    async with board_at(gateway.ws_url, device, boot_id="b1") as board:
        await page.goto(f"{gateway.url}/#/device/{device}")
        await page.get_by_role("heading", name="Prompt").click()
        await page.get_by_label("Code").fill("state")
        await page.get_by_label("Code").press("Enter")
        got = await board.receive("prompt")
        await board.send("prompt_output", id=got["id"], state="more", text="<i>'idle'</i>\n")
        await board.send("prompt_output", id=got["id"], state="done")

        assert (got["step"], got["code"]) == ("value", "state")
        await expect(page.get_by_role("log", name="Output")).to_have_text(">>> state\n<i>'idle'</i>\n")
        await page.get_by_label("Code").press("ArrowUp")
        await expect(page.get_by_label("Code")).to_have_value("state")
