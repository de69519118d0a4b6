"""The wall of cameras, and what a camera sends: rows, the whole screen, single pictures, size, quality and rate."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from tests.support.axe import check_axe
from tests.support.board import Board, board_at
from tests.support.camera import STREAM, Camera
from tests.support.gateway import GatewayProcess

pytestmark = pytest.mark.timeout(240)
DEADLINE_S = 60.0
PHONE = {"width": 390, "height": 844}
BOX = "element => { const box = element.getBoundingClientRect(); return [box.left, box.top, box.right, box.bottom]; }"


@contextlib.asynccontextmanager
async def cameras(gateway: GatewayProcess, *names: str) -> AsyncIterator[list[Camera]]:
    """Connects cameras for the block."""
    async with contextlib.AsyncExitStack() as stack:
        yield [await stack.enter_async_context(Camera(gateway.ws_url, name)) for name in names]


async def lefts(tiles: Locator) -> list[float]:
    """Returns where the tiles begin, each place once."""
    boxes = [await tile.evaluate(BOX) for tile in await tiles.all()]
    return sorted({round(box[0]) for box in boxes})


async def acknowledge_until(board: Board, fits: Callable[[dict[str, Any]], bool], **last: str) -> None:
    """Carries out commands until the arguments of one fit; `last` is the answer to that one."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            command = await board.receive("command")
            is_last = fits(command["args"])
            await board.send("ack", id=command["id"], **(last if is_last and last else {"status": "ok"}))
            if is_last:
                return


async def test_the_rows_of_the_wall_stay_in_the_address_and_in_the_memory_of_the_browser(
    gateway: GatewayProcess, page: Page
) -> None:
    async with cameras(gateway, "wall-1", "wall-2", "wall-3"):
        await page.goto(f"{gateway.url}/#/cameras")
        tiles = page.locator(".wall > li")
        await expect(tiles).to_have_count(3)
        await page.get_by_label("In a row").select_option("2")
        two = await lefts(tiles)
        address = page.url
        await page.goto(f"{gateway.url}/#/")
        await expect(page.get_by_role("heading", name="Devices")).to_be_visible()
        await page.goto(f"{gateway.url}/#/cameras")
        await expect(page.get_by_label("In a row")).to_have_value("2")
        await page.goto(f"{gateway.url}/#/cameras?columns=1")
        await expect(page.get_by_label("In a row")).to_have_value("1")
        one = await lefts(tiles)

    assert (len(two), address.endswith("#/cameras?columns=2"), len(one)) == (2, True, 1)


@pytest.mark.parametrize("size", [PHONE, {"width": 1280, "height": 720}], ids=["phone", "desktop"])
async def test_the_wall_on_the_whole_screen_shows_every_picture_whole(
    gateway: GatewayProcess, page: Page, size: dict[str, int]
) -> None:
    async with cameras(gateway, "wall-1", "wall-2", "wall-3", "wall-4", "wall-5"):
        await page.set_viewport_size(size)  # type: ignore[arg-type]  # a dictionary of the same keys
        await page.goto(f"{gateway.url}/#/cameras?columns=0")
        pictures = page.locator(".wall img")
        await expect(pictures).to_have_count(5)
        await page.get_by_role("button", name="Full screen", exact=True).first.click()
        for picture in await pictures.all():
            await expect(picture).to_be_in_viewport(ratio=1)
            assert await picture.evaluate("image => getComputedStyle(image).objectFit") == "contain"
        await check_axe(page)
        await page.keyboard.press("Escape")
        await expect(page.locator(".wall-screen.full")).to_have_count(0)


async def test_one_camera_of_the_wall_fills_the_screen_at_the_rate_of_its_own_page(
    gateway: GatewayProcess, page: Page
) -> None:
    async with cameras(gateway, "gate-1") as (camera,):
        await page.goto(f"{gateway.url}/#/cameras")
        tile = page.locator(".wall > li", has_text="gate-1")
        await camera.wait_for_stream(fps=3)
        await tile.get_by_role("button", name="Full screen").click()
        await camera.wait_for_stream(fps=10)
        await expect(tile.locator("img")).to_be_in_viewport(ratio=1)
        await tile.get_by_role("button", name="Leave full screen").click()
        await camera.wait_for_stream(fps=3)
        await expect(tile.get_by_role("button", name="Full screen", exact=True)).to_be_focused()


async def test_where_the_browser_shows_nothing_on_the_whole_screen_the_page_is_covered(
    gateway: GatewayProcess, page: Page
) -> None:
    await page.add_init_script("delete Element.prototype.requestFullscreen")
    async with cameras(gateway, "gate-1"):
        await page.goto(f"{gateway.url}/#/cameras")
        tile = page.locator(".wall > li", has_text="gate-1")
        await tile.get_by_role("button", name="Full screen").click()
        box = await tile.locator(".picture").evaluate(BOX)
        await page.keyboard.press("Escape")
        await expect(page.locator(".full")).to_have_count(0)

    assert box == [0, 0, *(await page.evaluate("[innerWidth, innerHeight]"))]


async def test_a_picture_is_saved_from_the_wall(gateway: GatewayProcess, page: Page) -> None:
    async with cameras(gateway, "gate-1"):
        await page.goto(f"{gateway.url}/#/cameras")
        tile = page.locator(".wall > li", has_text="gate-1")
        async with page.expect_download() as download:
            await tile.get_by_role("button", name="Save a picture").click()

        assert (await download.value).suggested_filename == "gate-1.jpg"
        await expect(tile.locator(".status.done")).to_have_text("Saved.")


async def test_size_quality_and_rate_are_chosen_asked_of_the_camera_and_kept(
    gateway: GatewayProcess, device: str, page: Page
) -> None:
    async with Camera(gateway.ws_url, device) as camera:
        await page.goto(f"{gateway.url}/#/device/{device}")
        part = page.locator("camera-picture")
        await expect(part.get_by_label("Size")).to_have_value("2")
        await expect(part.locator("option")).to_have_text(
            ["not known", "QQVGA · 160 × 120", "QVGA · 320 × 240", "VGA · 640 × 480", "SVGA · 800 × 600"]
        )
        await part.get_by_label("Size").select_option("1")
        await camera.wait_for_stream(size="QVGA", quality=80)
        await expect(part.locator(".status.done")).to_have_text("Saved.")
        await part.get_by_label("Quality").fill("35")
        await camera.wait_for_stream(size="QVGA", quality=35)
        await part.get_by_label("Pictures a second").fill("4")
        await camera.wait_for_stream(fps=4, quality=35)
        await expect(part).to_contain_text("Now: \u2068QVGA · 320 × 240\u2069 · \u2068Quality 35")
        await page.reload()
        await expect(part.get_by_label("Size")).to_have_value("1")
        await expect(part.get_by_label("Quality")).to_have_value("35")
        await expect(part.get_by_label("Pictures a second")).to_have_value("4")
        await part.get_by_role("button", name="As it was at first").click()
        await camera.wait_for_stream(size="VGA", quality=80, fps=10)
        await expect(part.get_by_role("button", name="As it was at first")).to_be_hidden()


async def test_while_the_camera_is_asked_the_page_says_so_and_a_refusal_is_told(
    gateway: GatewayProcess, device: str, page: Page
) -> None:
    async with board_at(gateway.ws_url, device, "esp32cam", commands={"stream": STREAM}) as board:
        await page.goto(f"{gateway.url}/#/device/{device}")
        part = page.locator("camera-picture")
        await acknowledge_until(board, lambda args: args.get("size") == "VGA")
        await part.get_by_label("Size").select_option("0")
        await expect(part.locator(".status.pending")).to_have_text("The camera is being asked …")
        await acknowledge_until(board, lambda args: args.get("size") == "QQVGA", status="error", message="too small")
        await expect(part.locator(".status.failed")).to_contain_text("too small")


async def test_an_offline_camera_is_asked_when_it_is_back(gateway: GatewayProcess, device: str, page: Page) -> None:
    async with Camera(gateway.ws_url, device):
        pass
    await page.goto(f"{gateway.url}/#/device/{device}")
    await page.get_by_label("Language").select_option("fa")
    part = page.locator("camera-picture")
    await part.get_by_label("اندازه").select_option("0")
    await expect(part.locator(".status")).to_have_text("ذخیره شد. وقتی دوربین برگردد از آن خواسته می‌شود.")
    async with Camera(gateway.ws_url, device) as camera:
        await camera.wait_for_stream(size="QQVGA")
    await check_axe(page)


async def test_a_viewer_sees_what_the_camera_sends_and_cannot_choose(
    gateway: GatewayProcess, device: str, page: Page
) -> None:
    token = gateway.post("/api/tokens", json={"kind": "viewer"}).json()["token"]
    await page.context.set_extra_http_headers({"Authorization": f"Bearer {token}"})
    async with Camera(gateway.ws_url, device):
        await page.goto(f"{gateway.url}/#/device/{device}")
        part = page.locator("camera-picture")
        await expect(part).to_contain_text("Now: \u2068VGA")
        await expect(part.get_by_label("Size")).to_be_hidden()
