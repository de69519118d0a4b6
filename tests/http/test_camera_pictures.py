"""What a camera sends is chosen by people, within what its board declared, and kept."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.app import RunningApp
from tests.support.board import board_at
from tests.support.camera import Camera

CAMERA = "/api/devices/yard/camera"
PICTURE = f"{CAMERA}/picture"
DEADLINE_S = 40.0


async def picture(gateway: RunningApp) -> dict[str, Any]:
    return dict((await gateway.get(CAMERA)).json()["picture"])


async def reach(gateway: RunningApp, state: str) -> dict[str, Any]:
    """Waits until the picture is in a state."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            found = await picture(gateway)
            if found["state"] == state:
                return found
            await asyncio.sleep(0.05)


async def test_a_camera_says_what_may_be_chosen() -> None:
    async with RunningApp() as gateway, Camera(gateway):
        found = await reach(gateway, "agreed")

    assert [size["name"] for size in found["sizes"]] == ["QQVGA", "QVGA", "VGA", "SVGA"]
    assert found["sizes"][2] == {"name": "VGA", "width": 640, "height": 480}
    assert (found["quality_min"], found["quality_max"], found["fps_max"]) == (1, 95, 25)
    assert (found["size"], found["quality"], found["fps"]) == (None, None, None)
    assert found["usual"] == {"fps": 10, "size": "VGA", "quality": 80}


async def test_what_is_chosen_is_asked_of_the_camera_at_once_and_after_it_comes_back() -> None:
    chosen = {"size": "QVGA", "quality": 40, "fps": 4}
    async with RunningApp() as gateway:
        async with Camera(gateway) as camera:
            answer = (await gateway.ask("PUT", PICTURE, json=chosen)).json()
            idle = await camera.wait_for_stream(size="QVGA", quality=40)
            await reach(gateway, "agreed")
            async with gateway.websocket("/ws/view/yard"):
                watched = await camera.wait_for_stream(fps=4)
        offline = await reach(gateway, "offline")
        async with Camera(gateway) as camera:
            again = await camera.wait_for_stream(size="QVGA", quality=40)

    assert {name: answer[name] for name in chosen} == chosen
    assert (idle["fps"] < 1, watched["size"], again["quality"]) == (True, "QVGA", 40)
    assert (offline["size"], len(offline["sizes"])) == ("QVGA", 4)


async def test_it_is_kept_when_the_gateway_starts_again() -> None:
    async with RunningApp() as gateway:
        async with Camera(gateway):
            await gateway.ask("PUT", PICTURE, json={"size": "SVGA"})
        await gateway.stop()
        await gateway.start()
        async with Camera(gateway) as camera:
            resized = await camera.wait_for_stream(size="SVGA")
            kept = await picture(gateway)
            await gateway.ask("PUT", PICTURE, json={})
            usual = await camera.wait_for_stream(size="VGA")

    assert (resized["size"], kept["size"], usual["quality"]) == ("SVGA", "SVGA", 80)


@pytest.mark.parametrize(
    ("chosen", "reason"),
    [
        ({"size": "UXGA"}, "the camera may send the sizes QQVGA, QVGA, VGA, SVGA"),
        ({"quality": 96}, "the quality may be 1 to 95"),
        ({"fps": 26}, "it may be asked for 25 pictures a second at most"),
    ],
)
async def test_more_than_board_and_settings_allow_is_refused(chosen: dict[str, Any], reason: str) -> None:
    async with RunningApp() as gateway, Camera(gateway):
        refused = await gateway.ask("PUT", PICTURE, json=chosen)
        found = await picture(gateway)

    assert (refused.status_code, refused.json()["detail"]) == (422, reason)
    assert (found["size"], found["quality"], found["fps"]) == (None, None, None)


async def test_a_camera_that_refuses_says_why() -> None:
    async with RunningApp() as gateway, Camera(gateway) as camera:
        await reach(gateway, "agreed")
        camera.answer = {"status": "error", "message": "the size was not accepted"}
        await gateway.ask("PUT", PICTURE, json={"size": "SVGA"})
        found = await reach(gateway, "refused")

    assert "the size was not accepted" in found["reason"]


async def test_a_camera_without_the_command_decides_by_itself() -> None:
    async with RunningApp() as gateway, board_at(gateway, "yard", "esp32cam", commands={}):
        found = await picture(gateway)
        refused = await gateway.ask("PUT", PICTURE, json={"size": "VGA"})

    assert (found["state"], found["sizes"]) == ("own", [])
    assert (refused.status_code, refused.json()["code"]) == (409, "not_controlled")


async def test_it_is_forgotten_with_its_camera_and_stands_in_the_journal() -> None:
    async with RunningApp() as gateway, Camera(gateway):
        await gateway.ask("PUT", PICTURE, json={"size": "QVGA", "fps": 2})
        rows = (await gateway.get("/api/journal", params={"type": "picture changed"})).json()["rows"]
        await gateway.ask("DELETE", "/api/devices/yard")

        assert gateway.parts.pictures.of("yard").size is None
    assert "fps 2.0, size QVGA" in rows[0]["payload"]
