"""All cameras together: the clock that serves the slow and drops the dead, the limit of viewers, who is told what."""

from __future__ import annotations

import asyncio

import pytest

from darvaz.gateway.frames import Frames, TooManyViewersError, ViewerRequest
from tests.unit.frames.test_frames import DEADLINE_S, Sink, viewer_on


async def test_the_clock_serves_those_who_were_behind_without_another_frame() -> None:
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


async def test_the_clock_drops_the_dead() -> None:
    frames = Frames(viewers_max=9, viewer_deadline_s=0.01)
    sink = Sink()
    frames.join("yard", viewer_on(sink))
    sink.clogged_bytes = 1

    async with asyncio.timeout(DEADLINE_S):
        await sink.happened.wait()

    assert sink.aborted_for == "it did not take one frame in 0.01 s"
    frames.close()


async def test_one_viewer_too_many_is_refused() -> None:
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


async def test_those_who_want_to_know_hear_of_frames_and_of_viewers() -> None:
    frames = Frames(viewers_max=9, viewer_deadline_s=10.0)
    heard: list[object] = []
    frames.on_frame(lambda device, frame: heard.append((device, frame.data)))
    frames.on_demand(heard.append)
    viewer = viewer_on(Sink())

    frames.join("yard", viewer)
    frames.push("yard", b"one")
    frames.want("yard", viewer, ViewerRequest(fps=1))
    frames.leave("yard", viewer)

    assert heard == ["yard", ("yard", b"one"), "yard", "yard"]
    frames.close()


async def test_what_a_camera_sent_before_it_left_is_forgotten() -> None:
    frames = Frames(viewers_max=9, viewer_deadline_s=10.0)
    frames.push("yard", b"old")

    frames.forget("yard")
    frames.forget("never seen")

    assert frames.camera("yard").newest is None
