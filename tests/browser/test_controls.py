"""Controls show the state of the board: after a reload, a command from elsewhere, or a restart of the board."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.support.board import Board, board_at
from tests.support.gateway import GatewayProcess

pytestmark = pytest.mark.timeout(120)
COMMANDS: dict[str, Any] = {
    "pan": {"angle": {"type": "number", "min": 0, "max": 180, "unit": "°"}},
    "led": {"on": {"type": "boolean"}},
    "mode": {"name": {"type": "string", "choices": ["calm", "lively"]}},
}


async def obey(board: Board) -> dict[str, Any]:
    command = await board.receive("command")
    await board.send("ack", id=command["id"], status="ok")
    args: dict[str, Any] = command["args"]
    return args


async def test_an_unused_control_shows_no_value(gateway: GatewayProcess, page: Page, device: str) -> None:
    async with board_at(gateway.ws_url, device, commands=COMMANDS, boot_id="a"):
        await page.goto(f"{gateway.url}/#/device/{device}")

        await expect(page.locator("form.control", has_text="pan").locator(".number")).to_have_text("–")
        await expect(page.get_by_role("slider")).to_have_attribute("aria-valuetext", "not known")
        await expect(page.get_by_role("combobox", name="name")).to_have_value("")


async def test_controls_keep_their_values_after_a_reload(gateway: GatewayProcess, page: Page, device: str) -> None:
    async with board_at(gateway.ws_url, device, commands=COMMANDS, boot_id="a") as board:
        await page.goto(f"{gateway.url}/#/device/{device}")
        await page.get_by_role("slider").focus()
        await page.keyboard.press("End")
        assert await obey(board) == {"angle": 180}
        await page.get_by_role("group", name="led").get_by_role("button", name="on").click()
        assert await obey(board) == {"on": True}
        await page.get_by_role("combobox", name="name").select_option("calm")
        assert await obey(board) == {"name": "calm"}
        await expect(page.locator(".status.done")).to_have_count(3)

        await page.reload()

        await expect(page.get_by_role("slider")).to_have_value("180")
        await expect(page.locator("form.control", has_text="pan").locator(".number")).to_have_text("180")
        await expect(page.get_by_role("switch", name="led")).to_have_attribute("aria-checked", "true")
        await expect(page.get_by_role("combobox", name="name")).to_have_value("0")


async def test_controls_follow_a_command_from_elsewhere(gateway: GatewayProcess, page: Page, device: str) -> None:
    async with board_at(gateway.ws_url, device, commands=COMMANDS, boot_id="a") as board:
        await page.goto(f"{gateway.url}/#/device/{device}")
        await expect(page.get_by_role("slider")).to_be_enabled()
        path = f"/api/devices/{device}/commands/pan"
        posting = asyncio.create_task(asyncio.to_thread(gateway.post, path, json={"angle": 30}))
        await obey(board)
        await posting

        await expect(page.get_by_role("slider")).to_have_value("30")


async def test_after_a_restart_of_the_board_values_are_unknown(
    gateway: GatewayProcess, page: Page, device: str
) -> None:
    async with board_at(gateway.ws_url, device, commands=COMMANDS, boot_id="a") as board:
        await page.goto(f"{gateway.url}/#/device/{device}")
        await page.get_by_role("group", name="led").get_by_role("button", name="on").click()
        await obey(board)
        await expect(page.get_by_role("switch", name="led")).to_have_attribute("aria-checked", "true")

    async with board_at(gateway.ws_url, device, commands=COMMANDS, boot_id="b"):
        await expect(page.get_by_role("group", name="led").get_by_role("button", name="on")).to_be_enabled()
        await expect(page.get_by_role("switch", name="led")).to_be_hidden()


@pytest.mark.parametrize("hostile", ["__proto__", "..evil", "a;b&c='d\"<i>"], ids=["proto", "dots", "marks"])
async def test_every_id_has_a_page_and_every_name_a_control(gateway: GatewayProcess, page: Page, hostile: str) -> None:
    commands = {"__proto__": {"constructor": {"type": "string"}, "__proto__": {"type": "string"}}}
    async with board_at(gateway.ws_url, hostile, commands=commands) as board:
        await page.goto(f"{gateway.url}/#/")
        await page.get_by_role("link", name=hostile, exact=True).click()
        await expect(page.get_by_role("heading", level=1)).to_have_text(hostile)

        await page.get_by_role("textbox", name="__proto__").fill("here")
        await page.get_by_role("textbox", name="constructor").fill("there")
        await page.keyboard.press("Enter")

        command = await board.receive("command")
        assert (command["name"], command["args"]) == ("__proto__", {"constructor": "there", "__proto__": "here"})
