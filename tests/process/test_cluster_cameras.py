"""Cameras at another gateway: frames come while somebody looks here, and stop when nobody does; pictures when asked."""

from __future__ import annotations

import pytest

from tests.support.app import RunningApp
from tests.support.camera import Camera, number_of
from tests.support.mosquitto import settled
from tests.support.nats_server import NatsServer
from tests.support.viewing import MjpegViewer, path_of

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("cluster")]


async def test_frames_cross_gateways_only_while_somebody_looks(nats: NatsServer) -> None:
    async with RunningApp(cluster=nats.url, camera_idle_every_s=0) as one, RunningApp(cluster=nats.url) as two:
        async with Camera(one, "yard") as camera:
            await settled(lambda: two.parts.hub.is_online("yard"))
            await camera.wait_for_stream(fps=0)
            async with MjpegViewer(two, path_of("yard", "?fps=15&size=VGA")) as viewer:
                args = await camera.wait_for_stream_that(lambda given: given["fps"] > 0)
                frames = await viewer.frames(5)
                watched = one.parts.frames.camera("yard").viewers
            await camera.wait_for_stream(fps=0)
            await settled(lambda: one.parts.frames.camera("yard").viewers == 0)
            left = two.parts.frames.camera("yard").newest

    numbers = [number_of(frame) for frame in frames]
    assert numbers == sorted(set(numbers))
    assert (args["fps"], args["size"], watched) == (15, "VGA", 1)
    assert left is None


async def test_a_picture_is_taken_by_the_gateway_that_has_the_camera(nats: NatsServer) -> None:
    async with RunningApp(cluster=nats.url, camera_idle_every_s=0) as one, RunningApp(cluster=nats.url) as two:
        async with Camera(one, "gate"):
            await settled(lambda: two.parts.hub.is_online("gate"))
            taken = await two.get("/api/devices/gate/snapshot.jpg")
            state = (await two.get("/api/devices/gate/camera")).json()
        await settled(lambda: not two.parts.hub.is_online("gate"))
        gone = await two.get("/api/devices/gate/snapshot.jpg")

    assert (taken.status_code, taken.content[:2], state["online"]) == (200, b"\xff\xd8", True)
    assert (gone.status_code, gone.json()["code"]) == (503, "offline")
