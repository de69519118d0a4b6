"""A board is flashed from the browser, by Web Serial: the firmware, its token and the Wi-Fi, and it comes online."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from darvaz.boards.virtual import VirtualBoard
from tests.support.flashing import config_of, is_whole, read_board, write_board
from tests.support.gateway import GatewayProcess
from tests.support.web_serial import web_serial

pytestmark = [pytest.mark.timeout(180), pytest.mark.slow]


@pytest_asyncio.fixture(loop_scope="session")
async def board(tmp_path: Path) -> AsyncIterator[VirtualBoard]:
    """A board with MicroPython, and nothing else."""
    async with VirtualBoard("pico", tmp_path / "board", image=tmp_path / "board.img") as running:
        yield running


async def fill_in(page: Page, gateway: GatewayProcess, device: str, password: str = "password") -> None:
    """Opens the page, says what it asks for, and clicks."""
    # A page of its own each time, and not the same one with other fields.
    await page.goto("about:blank")
    await page.goto(f"{gateway.url}/#/add")
    form = page.locator("web-flash")
    for label, text in (
        ("Name of the board", device),
        ("Name of the Wi-Fi", "Home"),
        ("Password of the Wi-Fi", password),
        ("Address for the board", gateway.ws_url),
    ):
        await form.get_by_label(label).fill(text)
    await form.get_by_role("button", name="Choose the board and flash it").click()


async def test_a_board_with_nothing_but_micropython_comes_online(
    gateway: GatewayProcess, page: Page, device: str, board: VirtualBoard
) -> None:
    status = page.locator("web-flash").get_by_role("status")
    async with web_serial(page, board.port):
        await fill_in(page, gateway, device)
        await expect(status).to_have_text(f"{device} is online.", timeout=90_000)
        lit = await asyncio.to_thread(gateway.post, f"/api/devices/{device}/commands/led", json={"on": True})
        first = (await config_of(board))["token"]
        await write_board(board, {"/lib/darvaz/link.py": b"# of another version\n"})
        # Again, as after a change of the Wi-Fi: only what changed is copied, and the older token is revoked.
        await fill_in(page, gateway, device)
        await expect(status).to_have_text(f"{device} is online.", timeout=90_000)
        tokens = gateway.get("/api/tokens").json()["tokens"]

    files = await read_board(board)
    assert lit.json()["result"] == {"on": True}
    assert is_whole(files) and "/lib/darvaz/link.py" not in files
    assert (await config_of(board))["token"] != first
    assert [token["state"] for token in tokens if token["device"] == device].count("live") == 1
    assert b"password" not in gateway.log_text().encode()


async def test_files_of_the_maker_stay_and_are_named(
    gateway: GatewayProcess, page: Page, device: str, board: VirtualBoard
) -> None:
    theirs = {"/main.py": b"print('mine')\n", "/boot.py": b"# This file is executed on every boot\n"}
    await write_board(board, theirs)
    board.lines.clear()
    async with web_serial(page, board.port):
        await fill_in(page, gateway, device)
        await expect(page.get_by_text("The board has files of yours: /main.py.")).to_be_visible(timeout=60_000)
        # The program that was stopped runs again.
        async with asyncio.timeout(60):
            while not any(line.endswith("mine") for line in list(board.lines)):  # noqa: ASYNC110 (nobody tells)
                await asyncio.sleep(0.1)

    assert await read_board(board) == theirs
    assert [token for token in gateway.get("/api/tokens").json()["tokens"] if token["device"] == device] == []


async def test_where_it_cannot_work_the_page_says_so(gateway: GatewayProcess, page: Page) -> None:
    await page.add_init_script("Object.defineProperty(navigator, 'serial', { value: undefined })")
    await page.goto(f"{gateway.url}/#/add")

    await expect(page.locator("web-flash").get_by_text("Firefox from version 151")).to_be_visible()
    await expect(page.get_by_text("make flash").first).to_be_visible()
