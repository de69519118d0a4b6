"""Motion before a camera is a value of its board, which alerts, rules and the journal use; at first it is off."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from darvaz.gateway.cameras.motion import CAMERAS_MAX, MotionSetting
from tests.support.app import RunningApp
from tests.support.board import board_at
from tests.support.camera import Camera
from tests.support.scenes import scene

MOTION = "/api/devices/yard/camera/motion"
DEADLINE_S = 40.0


async def until(look: Callable[[], Awaitable[Any]]) -> Any:
    """Waits for something that a request returns."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            found = await look()
            if found:
                return found
            await asyncio.sleep(0.05)


async def moving(gateway: RunningApp, device: str = "yard") -> Any:
    """Returns the value of motion: None while it is not known."""
    values = (await gateway.get(f"/api/devices/{device}")).json()["values"]
    return values.get("camera_motion", {}).get("value")


async def show_until(gateway: RunningApp, camera: Camera, frames: Iterator[bytes], value: bool) -> None:
    """Has a camera send one frame after another until motion is so."""

    async def send() -> bool:
        await camera.send(next(frames))
        return await moving(gateway) is value

    await until(send)


def empty() -> Iterator[bytes]:
    """Yields pictures in which nobody is, each with noise of its own."""
    return (scene(noise=number % 8) for number in itertools.count())


def walk() -> Iterator[bytes]:
    """Yields pictures of somebody who is at another place in each."""
    return (scene(7 * number % 80) for number in itertools.count())


async def test_motion_is_off_until_somebody_turns_it_on() -> None:
    async with RunningApp() as gateway, Camera(gateway, obeys=False) as camera:
        for percent in (10, 60, 10):
            await camera.send(scene(percent))
        off = (await gateway.get("/api/devices/yard/camera")).json()

        assert (off["motion"]["is_on"], off["viewers"], off["asked"]["fps"] < 1) == (False, 0, True)
        assert await moving(gateway) is None
        assert gateway.parts.motion.compared == 0


async def test_somebody_who_walks_through_the_picture_is_noticed_and_then_gone() -> None:
    async with RunningApp() as gateway, Camera(gateway, obeys=False) as camera:
        changed = (await gateway.ask("PUT", MOTION, json={"is_on": True})).json()
        requested = await camera.wait_for_stream(fps=2)
        await show_until(gateway, camera, empty(), False)
        await show_until(gateway, camera, walk(), True)
        state = (await gateway.get("/api/devices/yard/camera")).json()["motion"]
        await show_until(gateway, camera, empty(), False)
        rows = await until(lambda: journal(gateway, "motion ended"))

    assert (changed["is_on"], changed["percent"], requested["fps"]) == (True, 2.0, 2)
    assert (state["is_moving"], state["is_on"]) == (True, True)
    assert "of the picture" in rows[0]["payload"]


async def journal(gateway: RunningApp, type_: str) -> list[dict[str, Any]]:
    found = await gateway.get("/api/journal", params={"device": "yard", "type": type_})
    return list(found.json()["rows"])


async def test_an_alert_and_a_rule_use_it() -> None:
    alert = {"when": "is", "device": "yard", "value": "camera_motion", "threshold": True}
    rule = {**alert, "to_device": "lamp", "command": "on"}
    async with RunningApp() as gateway, Camera(gateway, obeys=False) as camera, board_at(
        gateway, "lamp", commands={"on": {}}
    ) as lamp:  # fmt: skip
        await gateway.post("/api/alert-rules", json=alert)
        await gateway.post("/api/rules", json=rule)
        await gateway.ask("PUT", MOTION, json={"is_on": True})
        await show_until(gateway, camera, empty(), False)
        await show_until(gateway, camera, walk(), True)
        command = await lamp.receive("command")
        alerts = await until(lambda: active(gateway))

    assert command["name"] == "on"
    assert alerts[0]["device"] == "yard"


async def active(gateway: RunningApp) -> list[dict[str, Any]]:
    return list((await gateway.get("/api/alerts")).json()["alerts"])


async def test_turning_it_off_ends_motion_and_the_frames() -> None:
    async with RunningApp() as gateway, Camera(gateway, obeys=False) as camera:
        await gateway.ask("PUT", MOTION, json={"is_on": True})
        await show_until(gateway, camera, walk(), True)
        await gateway.ask("PUT", MOTION, json={"is_on": False})
        idle = await camera.wait_for_stream_that(lambda args: args["fps"] < 1)

        assert await moving(gateway) is False
        assert idle["fps"] < 1
        assert (await gateway.get("/api/devices/yard/camera")).json()["viewers"] == 0


async def test_the_setting_survives_a_restart_and_goes_with_the_camera() -> None:
    async with RunningApp() as gateway:
        async with Camera(gateway, obeys=False):
            await gateway.ask("PUT", MOTION, json={"is_on": True, "percent": 5})
        await gateway.restart()
        async with Camera(gateway, obeys=False) as camera:
            kept = (await gateway.get("/api/devices/yard/camera")).json()["motion"]
            await camera.wait_for_stream(fps=2)
        await gateway.ask("DELETE", "/api/devices/yard")
        async with Camera(gateway, obeys=False):
            forgotten = (await gateway.get("/api/devices/yard/camera")).json()["motion"]

    assert (kept["is_on"], kept["percent"], forgotten["is_on"]) == (True, 5, False)


async def test_frames_of_two_links_are_not_compared() -> None:
    async with RunningApp() as gateway:
        async with Camera(gateway, obeys=False) as camera:
            await gateway.ask("PUT", MOTION, json={"is_on": True})
            await show_until(gateway, camera, itertools.repeat(scene(20)), False)
        before = gateway.parts.motion.compared
        async with Camera(gateway, obeys=False) as camera:

            async def compared() -> bool:
                await camera.send(scene(70))
                return gateway.parts.motion.compared > before

            await until(compared)

            assert await moving(gateway) is False


async def test_damaged_frames_are_counted_and_end_nothing() -> None:
    async with RunningApp() as gateway, Camera(gateway, obeys=False) as camera:
        await gateway.ask("PUT", MOTION, json={"is_on": True})
        await camera.send(b"\xff\xd8picture\xff\xd9")

        async def unreadable() -> bool:
            return gateway.parts.motion.unreadable > 0

        await until(unreadable)
        await show_until(gateway, camera, walk(), True)


async def test_wrong_settings_and_one_camera_too_many_are_refused() -> None:
    async with RunningApp() as gateway, Camera(gateway, obeys=False), board_at(gateway, "lamp"):
        refused = [await gateway.ask("PUT", MOTION, json={"percent": percent}) for percent in (0, 101)]
        no_camera = await gateway.ask("PUT", "/api/devices/lamp/camera/motion", json={"is_on": True})
        for number in range(CAMERAS_MAX):
            gateway.parts.motion.put(f"eye-{number}", MotionSetting())
        beyond = await gateway.ask("PUT", MOTION, json={"is_on": True})

    assert [answer.status_code for answer in refused] == [422, 422]
    assert (no_camera.status_code, beyond.status_code) == (404, 409)
