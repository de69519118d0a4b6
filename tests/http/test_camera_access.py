"""Who may view a camera: by token, by password, by a view link, and only as long as that is valid."""

from __future__ import annotations

import base64

import pytest
from websockets.exceptions import InvalidStatus

from tests.support.app import RunningApp
from tests.support.board import board_at
from tests.support.camera import Camera
from tests.support.viewing import MjpegViewer, packet, path_of, view_path

pytestmark = pytest.mark.asyncio(loop_scope="module")

ELSEWHERE = {"X-Forwarded-For": "203.0.113.9"}
ELSEWHERE_LINE = "X-Forwarded-For: 203.0.113.9\r\n"


@pytest.mark.parametrize("path", ["stream.mjpeg", "snapshot.jpg", "camera"])
async def test_a_viewer_on_another_machine_needs_a_token(gateway: RunningApp, path: str) -> None:
    async with Camera(gateway):
        refused = await gateway.get(f"/api/devices/yard/{path}", headers=ELSEWHERE)

    assert refused.status_code == 401


async def test_a_websocket_viewer_on_another_machine_needs_a_token(gateway: RunningApp) -> None:
    async with Camera(gateway):
        with pytest.raises(InvalidStatus) as refused:
            await gateway.open_websocket(view_path(), ELSEWHERE)

    assert refused.value.response.status_code == 401


async def test_a_page_of_another_origin_cannot_view(gateway: RunningApp) -> None:
    async with Camera(gateway):
        with pytest.raises(InvalidStatus) as refused:
            await gateway.open_websocket(view_path(), {"Origin": "http://evil.example"})

    assert refused.value.response.status_code == 403


async def test_a_viewers_token_opens_the_stream_and_revoking_it_ends_it(gateway: RunningApp) -> None:
    token = (await gateway.run_cli("token", "issue", "viewer")).stdout.strip()
    headers = f"X-Forwarded-For: 203.0.113.9\r\nAuthorization: Bearer {token}\r\n"
    async with Camera(gateway), MjpegViewer(gateway, headers=headers) as viewer:
        await viewer.frames(2)

        await gateway.run_cli("token", "revoke", token.split("_")[1])

        await viewer.ended()


async def sign(gateway: RunningApp, minutes: float) -> str:
    """Returns the query of a view link."""
    made = await gateway.post("/api/devices/yard/view-links", json={"minutes": minutes})
    return "?" + str(made.json()["stream"]).partition("?")[2]


async def test_a_view_link_shows_one_camera_on_another_machine(gateway: RunningApp) -> None:
    async with Camera(gateway), Camera(gateway, device="porch"):
        query = await sign(gateway, minutes=5)
        stream = MjpegViewer(gateway, path_of(query=query), headers=ELSEWHERE_LINE)
        async with stream as viewer, gateway.websocket(view_path(query), ELSEWHERE) as socket:
            await viewer.frames(2)
            assert await packet(socket)
        picture = await gateway.get(f"/api/devices/yard/snapshot.jpg{query}", headers=ELSEWHERE)
        state = await gateway.get(f"/api/devices/yard/camera{query}", headers=ELSEWHERE)
        other = await gateway.get(f"/api/devices/porch/snapshot.jpg{query}", headers=ELSEWHERE)

    assert (picture.status_code, state.status_code, other.status_code) == (200, 401, 401)


async def test_a_stream_ends_when_its_view_link_expires(gateway: RunningApp) -> None:
    async with Camera(gateway):
        query = await sign(gateway, minutes=0.03)
        async with MjpegViewer(gateway, path_of(query=query), headers=ELSEWHERE_LINE) as viewer:
            await viewer.frames(2)

            await viewer.ended()


async def test_a_recorder_uses_a_viewers_token_as_its_password(gateway: RunningApp) -> None:
    token = (await gateway.run_cli("token", "issue", "viewer")).stdout.strip()
    shown = base64.b64encode(f"frigate:{token}".encode()).decode()
    headers = f"X-Forwarded-For: 203.0.113.9\r\nAuthorization: Basic {shown}\r\n"
    async with Camera(gateway), MjpegViewer(gateway, headers=headers) as viewer:
        assert await viewer.frames(2)


@pytest.mark.parametrize("path", ["stream.mjpeg", "snapshot.jpg", "camera"])
async def test_only_cameras_can_be_viewed(gateway: RunningApp, path: str) -> None:
    async with board_at(gateway, "no-camera"):
        pico = await gateway.get(f"/api/devices/no-camera/{path}")
    unknown = await gateway.get(f"/api/devices/nobody/{path}")

    assert (pico.status_code, pico.json()["code"]) == (404, "not_a_camera")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_device")


async def test_snapshot_of_a_view_link_may_be_shown_by_other_pages_and_others_may_not(gateway: RunningApp) -> None:
    async with Camera(gateway):
        links = (await gateway.post("/api/devices/yard/view-links")).json()
        page = {**ELSEWHERE, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"}
        by_link = await gateway.get(links["snapshot"], headers=page)
        by_right = await gateway.get("/api/devices/yard/snapshot.jpg")

    policy = "cross-origin-resource-policy"
    assert (by_link.status_code, by_link.headers[policy]) == (200, "cross-origin")
    assert (by_right.status_code, by_right.headers[policy]) == (200, "same-origin")
