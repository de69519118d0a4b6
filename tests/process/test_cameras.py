"""A camera's frames reach its viewers, and the camera sends what they request: over MJPEG and over WebSocket."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.support.camera import Camera, jpeg
from tests.support.gateway import GatewayProcess
from tests.support.journalled import wait_for_line
from tests.support.viewing import DEADLINE_S, MjpegViewer, packet, path_of, view_url


async def next_text(viewer: ClientConnection) -> dict[str, object]:
    """Returns the next text that a viewer receives over WebSocket."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            received = await viewer.recv()
            if isinstance(received, str):
                return dict(json.loads(received))


async def test_frames_arrive_as_they_were_sent(gateway: GatewayProcess) -> None:
    async with (
        Camera(gateway.ws_url, obeys=False) as camera,
        MjpegViewer(gateway) as mjpeg,
        connect(view_url(gateway)) as websocket,
    ):
        for number in range(5):
            frame = jpeg(number, size_bytes=10_000 + number)
            await camera.send(frame)
            assert await mjpeg.frame() == frame
            assert await packet(websocket) == frame


async def test_a_new_viewer_sees_the_newest_frame_at_once(gateway: GatewayProcess) -> None:
    async with Camera(gateway.ws_url, obeys=False) as camera, MjpegViewer(gateway) as first:
        await camera.send(jpeg(1))
        await first.frame()
        async with MjpegViewer(gateway) as second, connect(view_url(gateway)) as third:
            assert await second.frame() == jpeg(1)
            assert await packet(third) == jpeg(1)


async def test_the_head_describes_the_stream_to_players(gateway: GatewayProcess) -> None:
    async with Camera(gateway.ws_url), MjpegViewer(gateway) as viewer:
        head = viewer.head.lower()

    assert head.startswith("http/1.1 200 ok\r\n")
    assert "content-type: multipart/x-mixed-replace; boundary=frame\r\n" in head
    assert "cache-control: no-store\r\n" in head
    assert "transfer-encoding" not in head


async def test_a_request_for_the_head_is_answered_and_ends(gateway: GatewayProcess) -> None:
    async with Camera(gateway.ws_url):
        head = await asyncio.to_thread(httpx.head, gateway.url + path_of(), trust_env=False)

    assert (head.status_code, head.headers["content-type"]) == (200, "multipart/x-mixed-replace; boundary=frame")


async def test_a_camera_is_slow_without_viewers_and_fast_with_them(gateway: GatewayProcess) -> None:
    async with Camera(gateway.ws_url) as camera:
        await camera.wait_for_stream(fps=0.1, size="VGA")
        async with MjpegViewer(gateway, path_of(query="?fps=15&size=QVGA&quality=40")):
            await camera.wait_for_stream(fps=15, size="QVGA", quality=40)
        await camera.wait_for_stream(fps=0.1)
        async with connect(view_url(gateway, "?fps=12")):
            await camera.wait_for_stream(fps=12, size="VGA", quality=80)
        await camera.wait_for_stream(fps=0.1)


async def test_the_camera_is_set_to_the_highest_of_all_viewer_requests(gateway: GatewayProcess) -> None:
    async with Camera(gateway.ws_url) as camera, MjpegViewer(gateway, path_of(query="?fps=3&size=SVGA")):
        await camera.wait_for_stream(fps=3, size="SVGA")
        async with MjpegViewer(gateway, path_of(query="?fps=9&size=QVGA")):
            await camera.wait_for_stream(fps=9, size="SVGA")
        await camera.wait_for_stream(fps=3, size="SVGA")


async def test_a_viewer_may_change_its_request(gateway: GatewayProcess) -> None:
    async with Camera(gateway.ws_url) as camera, connect(view_url(gateway)) as viewer:
        await camera.wait_for_stream(fps=10)
        await viewer.send('{"fps": 4, "size": "QVGA"}')
        await camera.wait_for_stream(fps=4, size="QVGA")
        await viewer.send('{"fps": 0}')
        await camera.wait_for_stream(fps=0.1)


@pytest.mark.parametrize(
    "text", ["[]", "{", '{"fps": -1}', '{"fps": "many"}', '{"size": "huge"}', '{"fps": NaN}', b"binary"]
)
async def test_an_invalid_viewer_request_is_explained_and_changes_nothing(
    gateway: GatewayProcess, text: str | bytes
) -> None:
    async with Camera(gateway.ws_url) as camera, connect(view_url(gateway, "?fps=20")) as viewer:
        await camera.wait_for_stream(fps=20)
        await viewer.send(text)

        answer = await next_text(viewer)

        assert answer["type"] == "error" and answer["message"]
        assert await packet(viewer)


async def test_a_text_above_the_limit_closes_the_viewer(gateway: GatewayProcess) -> None:
    async with Camera(gateway.ws_url), connect(view_url(gateway)) as viewer:
        await viewer.send(" " * 2000)
        async with asyncio.timeout(DEADLINE_S):
            await viewer.wait_closed()

    assert viewer.close_code == 1009


@pytest.mark.parametrize("query", ["?fps=0", "?fps=many", "?fps=61", "?size=huge", "?quality=0", "?fps=nan"])
async def test_an_invalid_query_is_refused(gateway: GatewayProcess, query: str) -> None:
    async with Camera(gateway.ws_url):
        refused = await asyncio.to_thread(gateway.get, path_of(query=query))

    assert (refused.status_code, refused.json()["code"]) == (422, "invalid")


async def test_a_camera_without_a_stream_command_gets_no_commands(gateway: GatewayProcess) -> None:
    async with Camera(gateway.ws_url, device="plain", commands={}) as camera:
        async with MjpegViewer(gateway, path_of("plain")) as viewer:
            await camera.send(jpeg(3))
            assert await viewer.frame() == jpeg(3)

        snapshot = await asyncio.to_thread(gateway.get, "/api/devices/plain/snapshot.jpg")

    assert snapshot.content == jpeg(3)
    assert camera.commands == []


async def test_a_camera_with_an_idle_period_of_zero_stops_without_viewers() -> None:
    with GatewayProcess(env={"DARVAZ_CAMERA_IDLE_EVERY_S": "0"}) as gateway:
        async with Camera(gateway.ws_url) as camera:
            await camera.wait_for_stream(fps=0)
            async with MjpegViewer(gateway) as viewer:
                await camera.wait_for_stream(fps=10)
                await viewer.frames(3)
            await camera.wait_for_stream(fps=0)


async def test_the_state_of_a_camera_is_in_the_api(gateway: GatewayProcess) -> None:
    async with Camera(gateway.ws_url, size_bytes=30_000) as camera, MjpegViewer(gateway) as viewer:
        await camera.wait_for_stream(fps=10)
        await viewer.frames(3)
        state = (await asyncio.to_thread(gateway.get, "/api/devices/yard/camera")).json()

    assert state["online"] and state["viewers"] == 1
    assert state["asked"] == {"fps": 10, "size": "VGA", "quality": 80}
    assert state["frame_bytes"] == 30_000 and state["arriving_fps"] > 0
    assert state["round_trip_ms"] > 0


async def test_the_journal_has_the_number_of_frames_and_no_frame() -> None:
    with GatewayProcess() as gateway:
        async with Camera(gateway.ws_url, obeys=False) as camera, MjpegViewer(gateway) as viewer:
            await camera.send(jpeg(1, size_bytes=5000))
            await camera.send(jpeg(2, size_bytes=5000))
            await viewer.frames(2)
        gateway.stop()

        found = wait_for_line(gateway.data, device="yard", type="frames")

    assert [line.payload for line in found] == ["2 frames, 10000 bytes"]
