"""A Pico with the official firmware gets MicroPython and our firmware from the browser, and comes online.

The emulator has no bootloader with a drive: the board is sent there, and another one starts with what the drive got.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from darvaz.boards.emulated.board import PASSWORD, SSID
from darvaz.boards.emulated.packages import Emulator, fetch
from darvaz.boards.serial.images import read_image
from darvaz.boards.serial.kept_images import keep_image
from tests.support.emulated import EmulatedPico, need_emulator
from tests.support.gateway import GatewayProcess
from tests.support.web_drive import Drive
from tests.support.web_serial import RASPBERRY_PI, web_serial

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.xdist_group("emulated")]
BOOT_MS = 150_000
FLASH_MS = 300_000


async def test_a_pico_is_sent_to_its_bootloader_gets_micropython_and_comes_online(
    gateway: GatewayProcess, page: Page, device: str, tmp_path: Path
) -> None:
    need_emulator()
    emulator = await asyncio.to_thread(fetch)
    image = emulator.image.read_bytes()
    keep_image(gateway.data, "pico_w", read_image(emulator.image.name, image))
    drive = Drive(page)
    before = EmulatedPico(tmp_path / "before", gateway.url, emulator=emulator)
    got = tmp_path / "got.uf2"
    after = EmulatedPico(tmp_path / "after", gateway.url, emulator=Emulator(emulator.python, got))
    form = page.locator("web-flash")
    status = form.get_by_role("status")
    async with web_serial(page, "", RASPBERRY_PI) as port:
        try:
            await asyncio.to_thread(before.start)
            port.path = before.port
            await page.goto(f"{gateway.url}/#/add")
            for label, text in (
                ("Name of the board", device),
                ("Name of the Wi-Fi", SSID),
                ("Password of the Wi-Fi", PASSWORD),
                ("Address for the board", after.board_url),
            ):
                await form.get_by_label(label).fill(text)
            await form.get_by_label("MicroPython", exact=True).select_option("pico")
            await form.get_by_role("button", name="Choose the board and flash it").click()
            await form.get_by_role("button", name="Restart a Pico that has MicroPython").click()
            await expect(status).to_contain_text("It restarts as a drive", timeout=BOOT_MS)
            await asyncio.to_thread(before.stop)
            port.path = ""
            await drive.insert("RPI-RP2")
            await form.get_by_role("button", name="Choose the drive").click()
            got.write_bytes(await drive.take(len(image)))
            await asyncio.to_thread(after.start)
            port.path = after.port
            await expect(status).to_have_text(f"{device} is online.", timeout=FLASH_MS)
            info = await asyncio.to_thread(gateway.post, f"/api/devices/{device}/commands/info", json={})
        finally:
            await asyncio.to_thread(before.stop)
            await asyncio.to_thread(after.stop)

    assert got.read_bytes() == image
    assert "Pico W" in info.json()["result"]["board"]
