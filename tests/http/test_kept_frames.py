"""Frames kept on disk can be listed and fetched, by viewers only."""

from __future__ import annotations

import asyncio

from tests.support.app import RunningApp
from tests.support.camera import Camera, jpeg
from tests.support.viewing import MjpegViewer

ELSEWHERE = {"X-Forwarded-For": "203.0.113.9"}
RING = {"camera_ring_frames": 2, "camera_ring_every_s": 0.05}


async def test_the_last_frames_are_kept_over_a_restart() -> None:
    async with RunningApp(**RING) as gateway:
        async with Camera(gateway, obeys=False) as camera, MjpegViewer(gateway) as viewer:
            for number in range(4):
                await camera.send(jpeg(number))
                await viewer.frame()
                await asyncio.sleep(0.1)
        await gateway.restart()

        listed = (await gateway.get("/api/devices/yard/frames")).json()["frames"]
        fetched = [await gateway.get(f"/api/devices/yard/frames/{time_ms}.jpg") for time_ms in listed]

    assert [answer.content for answer in fetched] == [jpeg(2), jpeg(3)]
    assert fetched[0].headers["content-type"] == "image/jpeg"


async def test_some_of_many_frames_are_listed_with_the_first_and_the_last() -> None:
    async with RunningApp(**RING) as gateway, Camera(gateway, obeys=False):
        kept = gateway.data / "frames" / "yard"
        kept.mkdir(parents=True)
        for time_ms in range(1_000, 1_101):
            (kept / f"{time_ms}.jpg").write_bytes(jpeg(1))
        listed = [
            (await gateway.get("/api/devices/yard/frames", params={"frames_max": count})).json().get("frames")
            for count in (1, 2, 5, 101, 102)
        ]

    assert listed[:3] == [None, [1_000, 1_100], [1_000, 1_025, 1_050, 1_075, 1_100]]
    assert [len(frames) for frames in listed[3:]] == [101, 101]


async def test_a_missing_frame_and_a_wrong_name_are_refused() -> None:
    async with RunningApp(**RING) as gateway:
        async with Camera(gateway):
            missing = await gateway.get("/api/devices/yard/frames/1.jpg")
            wrong_name = await gateway.get("/api/devices/yard/frames/latest.jpg")
            external = await gateway.get("/api/devices/yard/frames", headers={"X-Forwarded-For": "203.0.113.9"})

    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_frame")
    assert (wrong_name.status_code, external.status_code) == (404, 401)


async def test_no_frame_is_kept_without_the_setting() -> None:
    async with RunningApp() as gateway:
        async with Camera(gateway, obeys=False) as camera, MjpegViewer(gateway) as viewer:
            await camera.send(jpeg(1))
            await viewer.frame()
        answer = await gateway.get("/api/devices/yard/frames")

        assert (answer.status_code, answer.json()["code"]) == (404, "not_kept")
        assert not (gateway.data / "frames").exists()


async def test_forgetting_a_camera_deletes_its_frames_and_ends_its_links_and_viewers() -> None:
    async with RunningApp(**RING) as gateway:
        async with Camera(gateway, obeys=False) as camera, MjpegViewer(gateway) as viewer:
            await camera.send(jpeg(1))
            await viewer.frame()
            links = (await gateway.post("/api/devices/yard/view-links")).json()
            forgotten = await gateway.ask("DELETE", "/api/devices/yard")
            left = list((gateway.data / "frames").rglob("*"))
            await viewer.ended()
        async with Camera(gateway):
            shown = (await gateway.get("/api/devices/yard/frames")).json()["frames"]
            old_link = await gateway.get(links["snapshot"], headers=ELSEWHERE)

    assert (forgotten.status_code, left, shown) == (204, [], [])
    assert (old_link.status_code, old_link.json()["code"]) == (401, "not_authorised")


async def test_forgetting_a_camera_deletes_frames_of_a_time_when_they_were_kept() -> None:
    async with RunningApp() as gateway:
        kept = gateway.data / "frames" / "yard"
        kept.mkdir(parents=True)
        (kept / "1.jpg").write_bytes(jpeg(1))
        async with Camera(gateway):
            await gateway.ask("DELETE", "/api/devices/yard")

        assert not kept.exists()
