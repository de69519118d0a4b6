"""Snapshots: one new frame for all requests at the same time, within a deadline, or an error that says why not."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime

import httpx
import pytest
import pytest_asyncio

from tests.support.app import RunningApp
from tests.support.camera import Camera, jpeg, number_of
from tests.support.viewing import MjpegViewer

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = "/api/devices/yard/snapshot.jpg"


@pytest_asyncio.fixture(loop_scope="module")
async def gateway() -> AsyncIterator[RunningApp]:
    async with RunningApp(snapshot_deadline_s=0.3) as running:
        yield running


async def snapshot(gateway: RunningApp) -> httpx.Response:
    return await gateway.get(PATH)


async def test_a_snapshot_is_a_jpeg_that_any_program_opens(gateway: RunningApp) -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed: install the extra `test`")
    async with Camera(gateway):
        answer = await snapshot(gateway)

    with image.open(io.BytesIO(answer.content)) as picture:
        picture.load()
        assert (picture.format, picture.size) == ("JPEG", (640, 480))
    assert answer.headers["content-type"] == "image/jpeg"


async def test_a_snapshot_has_the_time_when_it_was_taken(gateway: RunningApp) -> None:
    async with Camera(gateway):
        answer = await snapshot(gateway)

    taken_s = parsedate_to_datetime(answer.headers["last-modified"]).timestamp()
    assert taken_s == int(float(answer.headers["x-timestamp"]))
    assert int(answer.headers["age"]) <= 1
    assert answer.headers["cache-control"] == "no-store"


async def test_the_camera_is_asked_when_its_newest_frame_is_old(gateway: RunningApp) -> None:
    async with Camera(gateway) as camera:
        await camera.wait_for_stream(fps=0.1)
        first = await snapshot(gateway)
        await asyncio.sleep(1.1)
        second = await snapshot(gateway)

    assert number_of(second.content) > number_of(first.content)
    assert "snapshot" in [command["name"] for command in camera.commands]


async def test_a_camera_with_viewers_is_not_asked(gateway: RunningApp) -> None:
    async with Camera(gateway) as camera, MjpegViewer(gateway) as viewer:
        await camera.wait_for_stream(fps=10)
        await viewer.frames(3)
        assert (await snapshot(gateway)).status_code == 200

    assert "snapshot" not in [command["name"] for command in camera.commands]


async def test_requests_at_the_same_time_share_one_frame(gateway: RunningApp) -> None:
    async with Camera(gateway, obeys=False) as camera:
        await camera.wait_for_stream()
        asking = [asyncio.create_task(snapshot(gateway)) for _ in range(10)]
        await camera.commanded("snapshot")
        await camera.send(jpeg(1))
        answers = await asyncio.gather(*asking)

    assert {answer.content for answer in answers} == {jpeg(1)}
    assert len([command for command in camera.commands if command["name"] == "snapshot"]) <= 1


async def test_an_offline_camera_is_answered_with_a_time_to_retry(gateway: RunningApp) -> None:
    async with Camera(gateway) as camera:
        await camera.send()
    answer = await snapshot(gateway)

    assert (answer.status_code, answer.json()["code"]) == (503, "offline")
    assert int(answer.headers["retry-after"]) > 0


async def test_a_camera_that_disconnects_fails_the_snapshot_at_once(gateway: RunningApp) -> None:
    async with Camera(gateway, obeys=False, silent=("snapshot",)) as camera:
        asking = asyncio.create_task(snapshot(gateway))
        await camera.commanded("snapshot")

    assert (await asking).status_code == 503


async def test_the_error_of_a_camera_is_passed_on(gateway: RunningApp) -> None:
    async with Camera(gateway) as camera:
        await camera.wait_for_stream(fps=0.1)
        await asyncio.sleep(1.1)
        camera.answer = {"status": "error", "message": "the sensor does not start"}
        answer = await snapshot(gateway)

    assert (answer.status_code, answer.json()["detail"]) == (502, "the sensor does not start")


async def test_a_missing_frame_is_a_timeout(gateway: RunningApp) -> None:
    async with Camera(gateway, obeys=False):
        answer = await snapshot(gateway)

    assert (answer.status_code, answer.json()["code"]) == (504, "timed_out")
    assert answer.headers["retry-after"]


async def test_a_camera_without_the_command_may_send_a_frame_by_itself(gateway: RunningApp) -> None:
    async with Camera(gateway, commands={}) as camera:
        asking = asyncio.create_task(snapshot(gateway))
        await asyncio.sleep(0.2)
        await camera.send(jpeg(4))

        assert (await asking).content == jpeg(4)


async def test_a_request_after_a_failure_starts_again(gateway: RunningApp) -> None:
    async with Camera(gateway, obeys=False) as camera:
        assert (await snapshot(gateway)).status_code == 504
        asking = asyncio.create_task(snapshot(gateway))
        await asyncio.sleep(0.2)
        await camera.send(jpeg(6))

        assert (await asking).content == jpeg(6)


async def test_the_camera_client_of_the_guide_works_too(gateway: RunningApp) -> None:
    async with gateway.websocket("/ws/esp32cam") as board:
        await board.send('{"type": "connect", "device": "yard", "version": "1.0.0"}')
        await board.recv()
        await board.send(jpeg(8))
        await board.send('{"type": "ping"}')
        assert await board.recv() == '{"type":"pong"}'

        assert (await snapshot(gateway)).content == jpeg(8)
