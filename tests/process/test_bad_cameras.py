"""Bad cameras: absent, unplugged, broken, too large, too fast, connected twice, or on a slow link."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.support.camera import Camera, jpeg, number_of
from tests.support.gateway import GatewayProcess
from tests.support.journalled import wait_for_line
from tests.support.viewing import DEADLINE_S, MjpegViewer, path_of, until_viewers
from tests.support.weak_link import WeakLink

FRAME_BYTES_MAX = 512 * 1024
ENVIRONMENT = {"DARVAZ_VIEWER_DEADLINE_S": "1.5"}


async def test_viewers_that_wait_see_a_camera_that_comes_back(gateway: GatewayProcess) -> None:
    async with MjpegViewer(gateway, path_of("returning")) as early:
        assert early.head.startswith("HTTP/1.1 404")
    async with Camera(gateway.ws_url, device="returning"):
        pass
    async with (
        MjpegViewer(gateway, path_of("returning")) as mjpeg,
        connect(f"{gateway.ws_url}/ws/view/returning") as websocket,
    ):
        for _ in range(2):
            async with Camera(gateway.ws_url, device="returning") as camera:
                await camera.wait_for_stream(fps=10)
                await mjpeg.frames(3)
                async with asyncio.timeout(DEADLINE_S):
                    assert await websocket.recv()


async def test_a_camera_unplugged_in_the_middle_of_a_frame_leaves_no_broken_frame(gateway: GatewayProcess) -> None:
    async with Camera(gateway.ws_url, obeys=False) as first, MjpegViewer(gateway) as viewer:
        await first.send(jpeg(1))
        assert await viewer.frame() == jpeg(1)
        half = jpeg(2, size_bytes=60_000)[:30_000]
        first.link.transport.write(b"\x82\xfe" + (60_000).to_bytes(2, "big") + bytes(4) + half)
        first.unplug()

        async with Camera(gateway.ws_url, obeys=False) as second:
            await second.send(jpeg(3))
            assert await viewer.frame() == jpeg(3)


@pytest.mark.parametrize(
    "frame",
    [jpeg(2)[:-2], jpeg(2)[2:], b"\xff\xd8", b"GIF89a" + bytes(100), b"\x00"],
    ids=["no end", "no start", "a start alone", "a GIF", "a byte"],
)
async def test_an_incomplete_jpeg_reaches_no_viewer(gateway: GatewayProcess, camera: Camera, frame: bytes) -> None:
    async with MjpegViewer(gateway) as viewer:
        await camera.send(frame)
        await camera.send(jpeg(5))

        assert await viewer.frame() == jpeg(5)
    assert wait_for_line(gateway.data, type="fault")


async def test_the_largest_frame_arrives_and_one_byte_more_closes_the_link(
    gateway: GatewayProcess, camera: Camera
) -> None:
    largest = jpeg(9, size_bytes=FRAME_BYTES_MAX)
    assert len(largest) == FRAME_BYTES_MAX
    async with MjpegViewer(gateway) as viewer:
        await camera.send(largest)
        assert await viewer.frame() == largest

        with contextlib.suppress(ConnectionClosed):
            await camera.send(jpeg(9, size_bytes=FRAME_BYTES_MAX + 1))
        async with asyncio.timeout(DEADLINE_S):
            await camera.link.wait_closed()

    assert camera.link.close_code == 1009


async def test_fast_viewers_get_every_frame_of_a_flood_and_slow_ones_get_fewer(
    gateway: GatewayProcess, camera: Camera
) -> None:
    async with MjpegViewer(gateway) as every_frame, MjpegViewer(gateway, path_of(query="?fps=5")) as fewer_frames:
        await until_viewers(gateway, 2)
        for number in range(60):
            await camera.send(jpeg(number, size_bytes=20_000))
            assert await every_frame.frame() == jpeg(number, size_bytes=20_000)
            await asyncio.sleep(1 / 60)

        assert number_of(await fewer_frames.frame()) == 0
        assert number_of(await fewer_frames.frame()) > 1


async def test_of_two_cameras_with_one_name_the_later_one_is_shown(gateway: GatewayProcess) -> None:
    async with Camera(gateway.ws_url, obeys=False) as first, MjpegViewer(gateway) as viewer:
        await first.send(jpeg(1))
        assert await viewer.frame() == jpeg(1)
        async with Camera(gateway.ws_url, obeys=False) as second:
            with contextlib.suppress(ConnectionClosed):
                await first.send(jpeg(2))
            async with asyncio.timeout(DEADLINE_S):
                await first.link.wait_closed()
            await second.send(jpeg(3))

            assert await viewer.frame() == jpeg(3)
    assert first.link.close_code == 4409


async def test_a_slow_link_carries_fewer_complete_frames_and_recovers(gateway: GatewayProcess) -> None:
    async with WeakLink(gateway.port, bytes_per_s=80_000) as weak:
        async with Camera(weak.ws_url, send_buffer_bytes=8192) as camera, MjpegViewer(gateway) as viewer:
            await camera.wait_for_stream(fps=10)
            reading = asyncio.create_task(viewer.frames(10_000))
            fewer = await camera.wait_for_stream_that(lambda args: args["fps"] < 4)
            weak.bytes_per_s = 10_000_000
            more = await camera.wait_for_stream_that(lambda args: args["fps"] > fewer["fps"])
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    assert fewer["fps"] < more["fps"] <= 10
