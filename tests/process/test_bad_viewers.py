"""Bad viewers: slow, stuck and vanished viewers do not affect others and cost the gateway little."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from darvaz.gateway.viewing.websocket_view import PACKETS_PER_S_MAX
from tests.support.camera import Camera, jpeg, number_of
from tests.support.gateway import GatewayProcess
from tests.support.needs import missing
from tests.support.viewing import WEBSOCKET, MjpegViewer, Stuck, path_of, until_viewers

FRAME_BYTES_MAX = 512 * 1024
ENVIRONMENT = {"DARVAZ_VIEWER_DEADLINE_S": "1.5"}


@contextlib.asynccontextmanager
async def sending(camera: Camera, fps: float) -> AsyncIterator[None]:
    """Sends frames at a steady rate during the block."""
    done = asyncio.Event()
    task = asyncio.create_task(camera.send_until(done, fps))
    try:
        yield
    finally:
        done.set()
        await task


def resident_bytes(gateway: GatewayProcess) -> int:
    statm = Path(f"/proc/{gateway.process.pid}/statm")
    if not statm.exists():
        missing("the memory of a process is read from /proc, which only Linux has")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("request_text", [None, WEBSOCKET], ids=["mjpeg", "websocket"])
async def test_a_viewer_that_reads_nothing_is_dropped_and_delays_no_other(
    gateway: GatewayProcess, camera: Camera, request_text: str | None
) -> None:
    with Stuck(gateway, request_text):
        async with MjpegViewer(gateway) as quick:
            await until_viewers(gateway, 2)
            async with sending(camera, fps=20):
                assert len(await quick.frames(20)) == 20
                await until_viewers(gateway, 1)


async def test_a_viewer_that_reads_a_byte_a_second_is_dropped(gateway: GatewayProcess, camera: Camera) -> None:
    async def read_slowly(stuck: Stuck) -> None:
        while True:
            await asyncio.to_thread(stuck.socket.recv, 1)
            await asyncio.sleep(1)

    with Stuck(gateway) as slow:
        reading = asyncio.create_task(read_slowly(slow))
        await until_viewers(gateway, 1)
        async with sending(camera, fps=20):
            await until_viewers(gateway, 0)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def test_a_viewer_that_vanished_is_dropped(gateway: GatewayProcess, camera: Camera) -> None:
    request = f"GET {path_of()} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    script = (
        f"import socket, time; s = socket.create_connection(('127.0.0.1', {gateway.port}));"
        f"s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096); s.sendall({request.encode()!r}); time.sleep(60)"
    )
    vanishing = await asyncio.create_subprocess_exec(sys.executable, "-c", script)
    try:
        await until_viewers(gateway, 1)
        # A stopped process neither reads nor closes, like a peer whose cable was pulled.
        vanishing.send_signal(signal.SIGSTOP)
        async with sending(camera, fps=20):
            await until_viewers(gateway, 0)
    finally:
        vanishing.kill()
        await vanishing.wait()


async def test_a_slow_viewer_gets_complete_and_recent_frames(gateway: GatewayProcess, camera: Camera) -> None:
    with Stuck(gateway, receive_buffer_bytes=65_536) as slow:
        await until_viewers(gateway, 1)
        async with sending(camera, fps=25):
            received = await asyncio.to_thread(_read_frames_slowly, slow, 4)

    assert all(frame == jpeg(number_of(frame), size_bytes=100_000) for frame in received)
    assert max(number_of(after) - number_of(before) for before, after in itertools.pairwise(received)) > 1


def _read_frames_slowly(slow: Stuck, count: int) -> list[bytes]:
    """Reads too slowly for the camera's rate, and returns the complete frames."""
    stream = slow.socket.makefile("rb", buffering=0)
    received: list[bytes] = []
    buffer = b""
    while len(received) < count:
        piece = stream.read(8192)
        assert piece
        buffer += piece
        time.sleep(0.01)
        while (start := buffer.find(b"\xff\xd8")) >= 0 and (end := buffer.find(b"\xff\xd9\r\n--frame\r\n")) >= 0:
            received.append(buffer[start : end + 2])
            buffer = buffer[end + 2 :]
    return received


async def test_a_hundred_viewers_see_one_camera(gateway: GatewayProcess, camera: Camera) -> None:
    async with contextlib.AsyncExitStack() as stack:
        mjpeg_viewers = [await stack.enter_async_context(MjpegViewer(gateway)) for _ in range(50)]
        sockets = [
            await stack.enter_async_context(connect(f"{gateway.ws_url}/ws/view/yard", compression=None))
            for _ in range(50)
        ]
        await until_viewers(gateway, 100)
        frame = jpeg(7, size_bytes=25_000)

        await camera.send(frame)

        assert set(await asyncio.gather(*(viewer.frame() for viewer in mjpeg_viewers))) == {frame}
        assert set(await asyncio.gather(*(viewer.recv() for viewer in sockets))) == {frame}


async def test_stuck_viewers_cost_a_limited_amount_of_memory() -> None:
    large = jpeg(1, size_bytes=FRAME_BYTES_MAX)
    # None of them is dropped meanwhile.
    with GatewayProcess(env={"DARVAZ_VIEWER_DEADLINE_S": "60"}) as gateway, contextlib.ExitStack() as stack:
        async with Camera(gateway.ws_url, obeys=False) as camera, MjpegViewer(gateway) as quick:
            await camera.send(large)
            await quick.frame()
            before_bytes = resident_bytes(gateway)
            for _ in range(10):
                stack.enter_context(Stuck(gateway))
                stack.enter_context(Stuck(gateway, WEBSOCKET))
            await until_viewers(gateway, 21)

            for _ in range(40):
                await camera.send(large)
                await quick.frame()
            grown_bytes = resident_bytes(gateway) - before_bytes

    # Forty frames for each viewer would be 400 MB; a few frames in two encodings, and the allocator's slack, are less.
    assert grown_bytes < 24 * FRAME_BYTES_MAX


async def test_a_viewer_above_the_limit_is_refused() -> None:
    with GatewayProcess(env={"DARVAZ_VIEWERS_MAX": "2"}) as gateway:
        async with Camera(gateway.ws_url), MjpegViewer(gateway), connect(f"{gateway.ws_url}/ws/view/yard"):
            refused = await asyncio.to_thread(gateway.get, path_of())

    assert (refused.status_code, refused.json()["code"]) == (503, "too_many_viewers")
    assert refused.headers["retry-after"]


async def test_viewers_do_not_delay_the_end_of_the_gateway() -> None:
    with GatewayProcess() as gateway:
        async with Camera(gateway.ws_url), MjpegViewer(gateway) as viewer, connect(f"{gateway.ws_url}/ws/view/yard"):
            with Stuck(gateway):
                await viewer.frames(3)
                stopping = asyncio.create_task(asyncio.to_thread(gateway.stop))
                await viewer.ended()
                status = await stopping

        assert status == 0
        assert "Cancel" not in gateway.log_text() and "Traceback" not in gateway.log_text()


async def test_a_viewer_that_sends_too_many_requests_is_closed(gateway: GatewayProcess, camera: Camera) -> None:
    url = f"{gateway.ws_url}/ws/view/yard"
    async with connect(url) as viewer:
        for _ in range(2 * PACKETS_PER_S_MAX + 50):
            await viewer.send('{"fps":1}')
        with contextlib.suppress(ConnectionClosed):
            async for _ in viewer:
                pass

    assert viewer.close_code == 1008
