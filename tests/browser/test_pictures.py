"""The README's pictures of the dashboard: `make pictures` writes them into docs/images, every run checks them."""

from __future__ import annotations

import asyncio
import math
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from PIL import Image, ImageStat
from playwright.async_api import Browser, expect

from darvaz.gateway.settings import Settings
from darvaz.gateway.telemetry.history import History
from darvaz.gateway.telemetry.history_tables import Retention
from tests.support.databases import open_history_store
from tests.support.gateway import GatewayProcess

pytestmark = pytest.mark.timeout(120)
IMAGES = Path(__file__).parents[2] / "docs" / "images"
IS_KEPT = os.environ.get("DARVAZ_PICTURES") == "1"
DESKTOP = {"width": 1180, "height": 880}
PHONE = {"width": 390, "height": 844}
VIEWS: dict[str, tuple[str, dict[str, Any]]] = {
    "device": ("#/device/virtual-pico-1", {"viewport": DESKTOP, "locale": "en-GB"}),
    "camera-dark": ("#/device/virtual-esp32cam-1", {"viewport": DESKTOP, "locale": "en-GB", "color_scheme": "dark"}),
    "phone-fa": ("#/device/virtual-pico-1", {"viewport": PHONE, "locale": "fa-IR"}),
}


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayProcess]:
    """A gateway that has measured for an hour already, so that its plots show one."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    history = History(lambda: open_history_store(data), Retention.of(Settings()))
    history.open()
    now_s = time.time()
    for ago_s in range(3600, 0, -20):
        temperature = 23.5 + 1.5 * math.cos(ago_s / 1100) + 0.15 * math.sin(ago_s / 37)
        history.record("virtual-pico-1", now_s - ago_s, {"temperature": round(temperature, 2)})
    assert history.close()
    with GatewayProcess(data=data) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def boards(gateway: GatewayProcess) -> AsyncIterator[None]:
    command = [sys.executable, "-m", "darvaz", "simulate", "--gateway", gateway.url]
    running = await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL)
    yield
    running.terminate()
    await asyncio.wait_for(running.wait(), 30)


@pytest.mark.usefixtures("boards")
async def test_pictures_are_taken(gateway: GatewayProcess, browser: Browser, tmp_path: Path) -> None:
    folder = IMAGES if IS_KEPT else tmp_path
    for name, (path, options) in VIEWS.items():
        context = await browser.new_context(**options)
        page = await context.new_page()
        await page.goto(f"{gateway.url}/{path}")
        await expect(page.locator("canvas:visible").first).to_be_visible(timeout=30_000)
        await expect(page.locator("device-log li").first).to_be_visible()
        if "camera" in name:
            await expect(page.locator("device-camera img")).to_be_visible(timeout=30_000)
        await page.screenshot(path=folder / f"{name}.png")
        await context.close()

        with Image.open(folder / f"{name}.png") as picture:
            assert picture.size == (options["viewport"]["width"], options["viewport"]["height"])
            brightness = ImageStat.Stat(picture.convert("L")).mean[0]
            assert brightness < 100 if "dark" in name else brightness > 150
