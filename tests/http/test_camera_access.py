"""Who may look at a camera: by token, by password, by a signed link, and only for as long as that is good."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.support.camera import Camera
from tests.support.gateway import GatewayProcess
from tests.support.viewing import MjpegViewer, packet, path_of, run_cli, view_url

ELSEWHERE = {"X-Forwarded-For": "203.0.113.9"}
ELSEWHERE_LINE = "X-Forwarded-For: 203.0.113.9\r\n"


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess() as running:
        yield running


@pytest.mark.parametrize("path", ["stream.mjpeg", "snapshot.jpg", "camera"])
async def test_a_viewer_from_elsewhere_needs_a_token(gateway: GatewayProcess, path: str) -> None:
    async with Camera(gateway.ws_url):
        refused = await asyncio.to_thread(gateway.get, f"/api/devices/yard/{path}", headers=ELSEWHERE)

    assert refused.status_code == 401


async def test_a_websocket_viewer_from_elsewhere_needs_a_token(gateway: GatewayProcess) -> None:
    async with Camera(gateway.ws_url):
        with pytest.raises(InvalidStatus) as refused:
            await connect(view_url(gateway), additional_headers=ELSEWHERE)

    assert refused.value.response.status_code == 401


async def test_a_page_of_another_origin_cannot_look(gateway: GatewayProcess) -> None:
    async with Camera(gateway.ws_url):
        with pytest.raises(InvalidStatus) as refused:
            await connect(view_url(gateway), origin="http://evil.example")  # type: ignore[arg-type]

    assert refused.value.response.status_code == 403


async def test_a_viewers_token_opens_the_stream_and_revoking_it_ends_it(gateway: GatewayProcess) -> None:
    issued = await asyncio.to_thread(run_cli, "token", "issue", "viewer", gateway=gateway)
    token = issued.stdout.strip()
    headers = f"X-Forwarded-For: 203.0.113.9\r\nAuthorization: Bearer {token}\r\n"
    async with Camera(gateway.ws_url), MjpegViewer(gateway, headers=headers) as viewer:
        await viewer.frames(2)

        await asyncio.to_thread(run_cli, "token", "revoke", token.split("_")[1], gateway=gateway)

        await viewer.ended()


async def sign(gateway: GatewayProcess, minutes: float) -> str:
    """Returns the query of a link that shows the camera for a while."""
    links = f"{gateway.url}/api/devices/yard/view-links"
    made = await asyncio.to_thread(httpx.post, links, json={"minutes": minutes}, trust_env=False)
    return "?" + str(made.json()["stream"]).partition("?")[2]


async def test_a_signed_link_opens_one_camera_from_elsewhere(gateway: GatewayProcess) -> None:
    async with Camera(gateway.ws_url), Camera(gateway.ws_url, device="door"):
        query = await sign(gateway, minutes=5)
        stream = MjpegViewer(gateway, path_of(query=query), headers=ELSEWHERE_LINE)
        async with stream as viewer, connect(view_url(gateway, query), additional_headers=ELSEWHERE) as socket:
            await viewer.frames(2)
            assert await packet(socket)
        picture = await asyncio.to_thread(gateway.get, f"/api/devices/yard/snapshot.jpg{query}", headers=ELSEWHERE)
        state = await asyncio.to_thread(gateway.get, f"/api/devices/yard/camera{query}", headers=ELSEWHERE)
        other = await asyncio.to_thread(gateway.get, f"/api/devices/door/snapshot.jpg{query}", headers=ELSEWHERE)

    assert (picture.status_code, state.status_code, other.status_code) == (200, 401, 401)


async def test_a_stream_ends_when_its_link_expires(gateway: GatewayProcess) -> None:
    async with Camera(gateway.ws_url):
        query = await sign(gateway, minutes=0.05)
        async with MjpegViewer(gateway, path_of(query=query), headers=ELSEWHERE_LINE) as viewer:
            await viewer.frames(2)

            await viewer.ended()


async def test_a_recorder_shows_a_viewers_token_as_its_password(gateway: GatewayProcess) -> None:
    token = (await asyncio.to_thread(run_cli, "token", "issue", "viewer", gateway=gateway)).stdout.strip()
    shown = base64.b64encode(f"frigate:{token}".encode()).decode()
    headers = f"X-Forwarded-For: 203.0.113.9\r\nAuthorization: Basic {shown}\r\n"
    async with Camera(gateway.ws_url), MjpegViewer(gateway, headers=headers) as viewer:
        assert await viewer.frames(2)


@pytest.mark.parametrize("path", ["stream.mjpeg", "snapshot.jpg", "camera"])
async def test_only_cameras_can_be_looked_at(gateway: GatewayProcess, path: str) -> None:
    async with connect(f"{gateway.ws_url}/ws/pico") as board:
        await board.send('{"type":"connect","device":"no-camera"}')
        await board.recv()
        pico = await asyncio.to_thread(gateway.get, f"/api/devices/no-camera/{path}")
    unknown = await asyncio.to_thread(gateway.get, f"/api/devices/nobody/{path}")

    assert (pico.status_code, pico.json()["code"]) == (404, "not_a_camera")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_device")
