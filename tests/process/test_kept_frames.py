"""Frames that were kept on disk can be listed and fetched by those who may look, and nothing else can."""

from __future__ import annotations

import asyncio

from tests.support.camera import Camera, jpeg
from tests.support.gateway import GatewayProcess
from tests.support.viewing import MjpegViewer

RING = {"DARVAZ_CAMERA_RING_FRAMES": "2", "DARVAZ_CAMERA_RING_EVERY_S": "0.05"}


async def test_the_last_frames_are_there_also_after_a_restart() -> None:
    with GatewayProcess(env=RING) as gateway:
        async with Camera(gateway.ws_url, obeys=False) as camera, MjpegViewer(gateway) as viewer:
            for number in range(4):
                await camera.send(jpeg(number))
                await viewer.frame()
                await asyncio.sleep(0.1)
        await asyncio.to_thread(gateway.stop)
        await asyncio.to_thread(gateway.start)

        listed = gateway.get("/api/devices/yard/frames").json()["frames"]
        fetched = [gateway.get(f"/api/devices/yard/frames/{time_ms}.jpg") for time_ms in listed]

    assert [answer.content for answer in fetched] == [jpeg(2), jpeg(3)]
    assert fetched[0].headers["content-type"] == "image/jpeg"


async def test_what_is_not_there_is_said() -> None:
    with GatewayProcess(env=RING) as gateway:
        async with Camera(gateway.ws_url):
            gone = gateway.get("/api/devices/yard/frames/1.jpg")
            odd = gateway.get("/api/devices/yard/frames/latest.jpg")
            stranger = gateway.get("/api/devices/yard/frames", headers={"X-Forwarded-For": "203.0.113.9"})

    assert (gone.status_code, gone.json()["code"]) == (404, "unknown_frame")
    assert (odd.status_code, stranger.status_code) == (404, 401)


async def test_without_the_setting_nothing_is_kept() -> None:
    with GatewayProcess() as gateway:
        async with Camera(gateway.ws_url, obeys=False) as camera, MjpegViewer(gateway) as viewer:
            await camera.send(jpeg(1))
            await viewer.frame()
        answer = gateway.get("/api/devices/yard/frames")

        assert (answer.status_code, answer.json()["code"]) == (404, "not_kept")
        assert not (gateway.data / "frames").exists()
