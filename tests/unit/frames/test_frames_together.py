"""All cameras together: the timer serves late viewers and drops stuck ones; viewers have a limit."""

from __future__ import annotations

import asyncio

import pytest

from darvaz.gateway.frames import Frames, TooManyViewersError, ViewerRequest
from tests.unit.frames.test_frames import DEADLINE_S, Sink, viewer_on


async def test_the_timer_serves_late_viewers_without_another_frame() -> None:
    frames = Frames(viewers_max=9, viewer_deadline_s=10.0)
    sink = Sink()
    frames.join("yard", viewer_on(sink))
    sink.clogged_bytes = 1
    frames.push("yard", b"the newest")

    sink.clogged_bytes = 0
    async with asyncio.timeout(DEADLINE_S):
        await sink.happened.wait()

    assert sink.packets == [b"the newest"]
    frames.close()


async def test_the_timer_drops_stuck_viewers() -> None:
    frames = Frames(viewers_max=9, viewer_deadline_s=0.01)
    sink = Sink()
    frames.join("yard", viewer_on(sink))
    sink.clogged_bytes = 1

    async with asyncio.timeout(DEADLINE_S):
        await sink.happened.wait()

    assert sink.aborted_for == "it did not take one frame in 0.01 s"
    frames.close()


async def test_one_viewer_beyond_the_maximum_is_refused() -> None:
    frames = Frames(viewers_max=2, viewer_deadline_s=10.0)
    first, second, third = (viewer_on(Sink()) for _ in range(3))
    frames.join("yard", first)
    frames.join("gate", second)

    with pytest.raises(TooManyViewersError):
        frames.join("yard", third)
    frames.leave("gate", second)
    frames.join("yard", third)

    assert frames.viewers == 2
    frames.close()


async def test_subscribers_get_frames_and_changes_of_demand() -> None:
    frames = Frames(viewers_max=9, viewer_deadline_s=10.0)
    received: list[object] = []
    frames.on_frame(lambda device, frame: received.append((device, frame.data)))
    frames.on_demand(received.append)
    viewer = viewer_on(Sink())

    frames.join("yard", viewer)
    frames.push("yard", b"one")
    frames.change_request("yard", viewer, ViewerRequest(fps=1))
    frames.leave("yard", viewer)

    assert received == ["yard", ("yard", b"one"), "yard", "yard"]
    frames.close()


async def test_the_newest_frame_of_a_camera_that_left_is_dropped() -> None:
    frames = Frames(viewers_max=9, viewer_deadline_s=10.0)
    frames.push("yard", b"old")

    frames.forget("yard")
    frames.forget("never seen")

    assert frames.camera("yard").newest is None
