"""What the gateway kept of a camera, in the browser: a line of time with marks of motion, steps, play, and the keys."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.async_api import Page, expect

from tests.support.camera import Camera
from tests.support.gateway import GatewayProcess
from tests.support.scenes import scene

pytestmark = pytest.mark.timeout(180)
DEADLINE_S = 60.0
RING_EVERY_S = 0.05
RING = {"DARVAZ_CAMERA_RING_FRAMES": "200", "DARVAZ_CAMERA_RING_EVERY_S": str(RING_EVERY_S)}


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess(env=RING) as running:
        yield running


def kept(gateway: GatewayProcess, device: str) -> list[int]:
    answer = gateway.get(f"/api/devices/{device}/frames")
    return list(answer.json()["frames"])


async def walk_past(gateway: GatewayProcess, camera: Camera, device: str) -> None:
    """Has somebody walk past a camera that notices motion, until the gateway has noticed."""
    assert gateway.request("PUT", f"/api/devices/{device}/camera/motion", json={"is_on": True}).is_success
    number, path = 0, f"/api/devices/{device}/camera"
    async with asyncio.timeout(DEADLINE_S):
        while not gateway.get(path).json()["motion"]["is_moving"] or len(kept(gateway, device)) < 12:
            await camera.send(scene(7 * number % 80))
            await asyncio.sleep(0.1)
            number += 1
        await keep_last(gateway, camera, device)


async def keep_last(gateway: GatewayProcess, camera: Camera, device: str) -> None:
    """Sends a last picture until it is kept, and with it all before: they are written in order."""
    path = f"/api/devices/{device}/camera"
    await until(lambda: gateway.get(path).json()["frames"] == camera.sent)
    # What comes sooner after the one before is not kept.
    await asyncio.sleep(RING_EVERY_S)
    now_ms = int(time.time() * 1000)
    await camera.send()
    await until(lambda: kept(gateway, device)[-1] >= now_ms)


async def until(is_so: Callable[[], bool]) -> None:
    """Waits until it is so."""
    async with asyncio.timeout(DEADLINE_S):
        while not await asyncio.to_thread(is_so):
            pass


async def open_kept(gateway: GatewayProcess, page: Page, device: str) -> None:
    await page.goto(f"{gateway.url}/#/device/{device}")
    await page.get_by_text("Kept pictures", exact=True).click()
    await expect(page.locator("camera-timeline img")).to_be_visible()


async def test_kept_pictures_are_stepped_through_by_buttons_and_keys(
    gateway: GatewayProcess, page: Page, device: str
) -> None:
    async with Camera(gateway.ws_url, device, obeys=False) as camera:
        await walk_past(gateway, camera, device)
        times_ms = kept(gateway, device)
        await open_kept(gateway, page, device)
        picture, line = page.locator("camera-timeline img"), page.get_by_role("slider", name="Time of the picture")

        await expect(picture).to_have_attribute("src", re.compile(f"/{times_ms[-1]}.jpg$"))
        await page.get_by_role("button", name="Picture before").click()
        await expect(picture).to_have_attribute("src", re.compile(f"/{times_ms[-2]}.jpg$"))
        await line.focus()
        await page.keyboard.press("Home")
        await expect(picture).to_have_attribute("src", re.compile(f"/{times_ms[0]}.jpg$"))
        await page.keyboard.press("ArrowRight")
        await expect(picture).to_have_attribute("src", re.compile(f"/{times_ms[1]}.jpg$"))
        assert await picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 320
        await expect(line).to_have_attribute("aria-valuetext", re.compile(r"\d\d:\d\d:\d\d"))


async def test_play_shows_one_after_another_to_the_end(gateway: GatewayProcess, page: Page, device: str) -> None:
    async with Camera(gateway.ws_url, device, obeys=False) as camera:
        await walk_past(gateway, camera, device)
        times_ms = kept(gateway, device)
        await open_kept(gateway, page, device)

        timeline = page.locator("camera-timeline")
        # From the last picture it begins again.
        await timeline.get_by_role("button", name="Play", exact=True).click()
        await expect(timeline.get_by_role("button", name="Pause", exact=True)).to_be_visible()
        await expect(timeline.get_by_role("button", name="Play", exact=True)).to_be_visible()

        await expect(page.locator("camera-timeline img")).to_have_attribute("src", re.compile(f"/{times_ms[-1]}.jpg$"))


async def test_marks_show_where_something_moved_in_persian_too(
    gateway: GatewayProcess, page: Page, device: str
) -> None:
    async with Camera(gateway.ws_url, device, obeys=False) as camera:
        await walk_past(gateway, camera, device)
        await page.goto(f"{gateway.url}/#/device/{device}")
        await page.get_by_label("Language").select_option("fa")
        await page.get_by_text("تصویرهای نگه‌داشته", exact=True).click()
        await expect(page.locator("camera-timeline .moves path")).to_have_attribute("d", re.compile("^M"))
        line = page.get_by_role("slider", name="زمان تصویر")
        end = await line.input_value()
        await page.get_by_role("button", name="حرکت بعدی").click()

        assert int(await line.input_value()) < int(end)


async def test_a_gateway_that_keeps_none_says_how_to(fresh_gateway: GatewayProcess, page: Page) -> None:
    async with Camera(fresh_gateway.ws_url, "yard", obeys=False):
        await page.goto(f"{fresh_gateway.url}/#/device/yard")
        await page.get_by_text("Kept pictures", exact=True).click()

        await expect(page.locator("camera-timeline [role=alert]")).to_contain_text("camera_ring_frames")


async def test_motion_is_turned_on_below_the_picture(gateway: GatewayProcess, page: Page, device: str) -> None:
    async with Camera(gateway.ws_url, device, obeys=False) as camera:
        await page.goto(f"{gateway.url}/#/device/{device}")
        await page.get_by_label("Notice motion").check()
        await page.get_by_label("From this % of the picture on").fill("۵")
        await page.keyboard.press("Tab")
        await camera.wait_for_stream_that(lambda args: args["fps"] >= 2)
        await expect(page.get_by_label("From this % of the picture on")).to_have_value("5")

        assert gateway.get(f"/api/devices/{device}/camera").json()["motion"]["percent"] == 5
