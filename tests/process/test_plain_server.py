"""Under a server that lends no transport the application still shows its cameras, through plain ASGI."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from websockets.asyncio.client import connect

from darvaz.gateway.app import build_app, build_parts
from darvaz.gateway.parts import Parts
from darvaz.gateway.settings import Settings
from tests.support.camera import Camera, jpeg
from tests.support.gateway import free_port
from tests.support.viewing import DEADLINE_S, WEBSOCKET, MjpegViewer, Stuck, path_of


@dataclass
class PlainServer:
    """The application, served in this process."""

    port: int
    parts: Parts

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[PlainServer]:
    """The application in this process, served by uvicorn as it comes."""
    port = free_port()
    parts = build_parts(Settings(data=str(tmp_path / "data"), viewer_deadline_s=1.0))
    config = uvicorn.Config(
        build_app(parts), port=port, http="h11", ws="websockets-sansio", log_config=None, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(DEADLINE_S):
        while not server.started:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    yield PlainServer(port, parts)
    server.should_exit = True
    await serving


async def until_viewers(gateway: PlainServer, count: int) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while gateway.parts.frames.viewers != count:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_frames_arrive_whole(gateway: PlainServer) -> None:
    async with Camera(gateway.ws_url, obeys=False) as camera, MjpegViewer(gateway, http="1.0") as viewer:
        for number in range(5):
            await camera.send(jpeg(number, size_bytes=30_000))
            assert await viewer.frame() == jpeg(number, size_bytes=30_000)


async def test_packets_arrive_whole_and_wishes_are_heard(gateway: PlainServer) -> None:
    async with Camera(gateway.ws_url) as camera, connect(f"{gateway.ws_url}/ws/view/yard", compression=None) as viewer:
        await viewer.send('{"fps": 20}')
        await camera.asked(fps=20)
        await viewer.send("nonsense")

        received = [await asyncio.wait_for(viewer.recv(), DEADLINE_S) for _ in range(20)]

    assert len([frame for frame in received if isinstance(frame, bytes) and frame[:2] == b"\xff\xd8"]) >= 18
    assert [text for text in received if isinstance(text, str) and "error" in text]


async def test_a_viewer_that_leaves_is_forgotten(gateway: PlainServer) -> None:
    async with Camera(gateway.ws_url):
        async with MjpegViewer(gateway, http="1.0") as viewer, connect(f"{gateway.ws_url}/ws/view/yard"):
            await viewer.frames(2)
            await until_viewers(gateway, 2)

        await until_viewers(gateway, 0)


@pytest.mark.parametrize("request_text", [None, WEBSOCKET], ids=["mjpeg", "websocket"])
async def test_a_viewer_that_reads_nothing_is_dropped_and_delays_nobody(
    gateway: PlainServer, request_text: str | None
) -> None:
    async with (
        Camera(gateway.ws_url, size_bytes=200_000),
        MjpegViewer(gateway, path_of(query="?fps=25"), http="1.0") as quick,
    ):
        with contextlib.closing(Stuck(gateway, request_text).socket):
            await until_viewers(gateway, 2)
            await quick.frames(20)

            async def stay() -> None:
                while True:
                    await quick.frame()

            staying = asyncio.create_task(stay())
            await until_viewers(gateway, 1)
            staying.cancel()
            await asyncio.gather(staying, return_exceptions=True)
