"""Bad viewers and bad cameras: whoever is slow, stuck or gone costs the others nothing."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.support.camera import Camera, jpeg, number_of
from tests.support.gateway import GatewayProcess
from tests.support.journalled import wait_for_line
from tests.support.viewing import DEADLINE_S, MjpegViewer, Stuck, path_of
from tests.support.weak_link import WeakLink

FRAME_BYTES_MAX = 512 * 1024
WEBSOCKET = (
    "GET /ws/view/yard HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess(env={"DARVAZ_VIEWER_DEADLINE_S": "1.5"}) as running:
        yield running


@pytest.fixture
async def camera(gateway: GatewayProcess) -> AsyncIterator[Camera]:
    """A camera of large frames that sends when the test says."""
    async with Camera(gateway.ws_url, size_bytes=100_000, obeys=False) as running:
        yield running


async def viewers(gateway: GatewayProcess) -> int:
    state = await asyncio.to_thread(gateway.get, "/api/devices/yard/camera")
    return int(state.json()["viewers"])


async def until_viewers(gateway: GatewayProcess, count: int) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while await viewers(gateway) != count:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def sending(camera: Camera, fps: float) -> AsyncIterator[None]:
    """Has the camera send at a rate while the block lasts."""
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
        pytest.skip("what a process occupies is read from /proc, which is Linux's")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


# Viewers


@pytest.mark.parametrize("request_text", [None, WEBSOCKET], ids=["mjpeg", "websocket"])
async def test_a_viewer_that_reads_nothing_is_dropped_and_delays_nobody(
    gateway: GatewayProcess, camera: Camera, request_text: str | None
) -> None:
    with Stuck(gateway, request_text):
        async with MjpegViewer(gateway) as quick:
            await until_viewers(gateway, 2)
            async with sending(camera, fps=20):
                assert len(await quick.frames(20)) == 20
                await until_viewers(gateway, 1)


async def test_a_viewer_that_reads_a_byte_a_second_is_dropped(gateway: GatewayProcess, camera: Camera) -> None:
    async def sip(stuck: Stuck) -> None:
        while True:
            await asyncio.to_thread(stuck.socket.recv, 1)
            await asyncio.sleep(1)

    with Stuck(gateway) as slow:
        sipping = asyncio.create_task(sip(slow))
        await until_viewers(gateway, 1)
        async with sending(camera, fps=20):
            await until_viewers(gateway, 0)
        sipping.cancel()
        await asyncio.gather(sipping, return_exceptions=True)


async def test_a_viewer_that_vanished_is_dropped(gateway: GatewayProcess, camera: Camera) -> None:
    request = f"GET {path_of()} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    script = (
        f"import socket, time; s = socket.create_connection(('127.0.0.1', {gateway.port}));"
        f"s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096); s.sendall({request.encode()!r}); time.sleep(60)"
    )
    vanishing = await asyncio.create_subprocess_exec(sys.executable, "-c", script)
    try:
        await until_viewers(gateway, 1)
        # Stopped, it neither reads nor closes: what a pulled cable looks like from here.
        vanishing.send_signal(signal.SIGSTOP)
        async with sending(camera, fps=20):
            await until_viewers(gateway, 0)
    finally:
        vanishing.kill()
        await vanishing.wait()


async def test_a_slow_viewer_sees_whole_frames_and_recent_ones(gateway: GatewayProcess, camera: Camera) -> None:
    with Stuck(gateway, receive_buffer_bytes=65_536) as slow:
        await until_viewers(gateway, 1)
        async with sending(camera, fps=25):
            received = await asyncio.to_thread(_sip_frames, slow, 4)

    assert all(frame == jpeg(number_of(frame), size_bytes=100_000) for frame in received)
    assert max(number_of(after) - number_of(before) for before, after in itertools.pairwise(received)) > 1


def _sip_frames(slow: Stuck, count: int) -> list[bytes]:
    """Reads so slowly that frames have to be skipped, and returns the whole ones."""
    stream = slow.socket.makefile("rb", buffering=0)
    received, buffer = [], b""
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
        crowd = [await stack.enter_async_context(MjpegViewer(gateway)) for _ in range(50)]
        sockets = [
            await stack.enter_async_context(connect(f"{gateway.ws_url}/ws/view/yard", compression=None))
            for _ in range(50)
        ]
        await until_viewers(gateway, 100)
        frame = jpeg(7, size_bytes=25_000)

        await camera.send(frame)

        assert set(await asyncio.gather(*(viewer.frame() for viewer in crowd))) == {frame}
        assert set(await asyncio.gather(*(viewer.recv() for viewer in sockets))) == {frame}


async def test_viewers_that_are_stuck_cost_a_bounded_memory(gateway: GatewayProcess, camera: Camera) -> None:
    large = jpeg(1, size_bytes=FRAME_BYTES_MAX)
    with contextlib.ExitStack() as stack:
        async with MjpegViewer(gateway) as quick:
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

    # Forty frames for each of them would be 400 MB; two forms of a few frames, and the allocator's slack, are not.
    assert grown_bytes < 24 * FRAME_BYTES_MAX


async def test_one_viewer_too_many_is_refused() -> None:
    with GatewayProcess(env={"DARVAZ_VIEWERS_MAX": "2"}) as gateway:
        async with Camera(gateway.ws_url), MjpegViewer(gateway), connect(f"{gateway.ws_url}/ws/view/yard"):
            refused = await asyncio.to_thread(gateway.get, path_of())

    assert (refused.status_code, refused.json()["code"]) == (503, "too_many_viewers")
    assert refused.headers["retry-after"]


async def test_viewers_do_not_hold_up_the_end_of_the_gateway() -> None:
    with GatewayProcess() as gateway:
        async with Camera(gateway.ws_url), MjpegViewer(gateway) as viewer, connect(f"{gateway.ws_url}/ws/view/yard"):
            with Stuck(gateway):
                await viewer.frames(3)
                stopping = asyncio.create_task(asyncio.to_thread(gateway.stop))
                await viewer.ended()
                status = await stopping

        assert status == 0
        assert "Cancel" not in gateway.log_text() and "Traceback" not in gateway.log_text()


# Cameras


async def test_a_camera_that_comes_back_is_seen_again_by_those_who_waited(gateway: GatewayProcess) -> None:
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
                await camera.asked(fps=10)
                await mjpeg.frames(3)
                async with asyncio.timeout(DEADLINE_S):
                    assert await websocket.recv()


async def test_a_camera_unplugged_in_the_middle_of_a_frame_spoils_nothing(gateway: GatewayProcess) -> None:
    async with MjpegViewer(gateway, path_of("yard")) as viewer:
        async with Camera(gateway.ws_url, obeys=False) as camera:
            await camera.send(jpeg(1))
            assert await viewer.frame() == jpeg(1)
            half = jpeg(2, size_bytes=60_000)[:30_000]
            camera.link.transport.write(b"\x82\xfe" + (60_000).to_bytes(2, "big") + bytes(4) + half)
            camera.unplug()
        async with Camera(gateway.ws_url, obeys=False) as camera:
            await camera.send(jpeg(3))
            assert await viewer.frame() == jpeg(3)


@pytest.mark.parametrize(
    "frame",
    [jpeg(2)[:-2], jpeg(2)[2:], b"\xff\xd8", b"GIF89a" + bytes(100), b"\x00"],
    ids=["no end", "no start", "a start alone", "a GIF", "a byte"],
)
async def test_what_is_no_whole_jpeg_reaches_nobody(gateway: GatewayProcess, camera: Camera, frame: bytes) -> None:
    async with MjpegViewer(gateway) as viewer:
        await camera.send(frame)
        await camera.send(jpeg(5))

        assert await viewer.frame() == jpeg(5)
    assert wait_for_line(gateway.data, type="fault")


async def test_the_largest_frame_passes_and_a_byte_more_ends_the_link(gateway: GatewayProcess, camera: Camera) -> None:
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


async def test_a_flood_of_frames_reaches_quick_viewers_and_spares_the_others(
    gateway: GatewayProcess, camera: Camera
) -> None:
    async with MjpegViewer(gateway) as all_of_it, MjpegViewer(gateway, path_of(query="?fps=5")) as some:
        await until_viewers(gateway, 2)
        for number in range(60):
            await camera.send(jpeg(number, size_bytes=20_000))
            assert await all_of_it.frame() == jpeg(number, size_bytes=20_000)
            await asyncio.sleep(1 / 60)

        assert number_of(await some.frame()) == 0
        assert number_of(await some.frame()) > 1


async def test_of_two_cameras_with_one_name_the_later_is_seen(gateway: GatewayProcess) -> None:
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


async def test_a_weak_link_carries_fewer_whole_frames_and_recovers(gateway: GatewayProcess) -> None:
    async with WeakLink(gateway.port, bytes_per_s=80_000) as weak:
        async with Camera(weak.ws_url, send_buffer_bytes=8192) as camera, MjpegViewer(gateway) as viewer:
            await camera.asked(fps=10)
            looking = asyncio.create_task(viewer.frames(10_000))
            fewer = await camera.asked_so(lambda args: args["fps"] < 4)
            weak.bytes_per_s = 10_000_000
            more = await camera.asked_so(lambda args: args["fps"] > fewer["fps"])
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    assert fewer["fps"] < more["fps"] <= 10
