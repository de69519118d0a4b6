"""What moves before a camera is found by comparing frames, however noisy they are; hostile frames are refused."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3

import pytest

from darvaz.gateway.cameras.motion import BUSY_SHARE_MAX, MOTION_TABLE, Motion, MotionSetting
from darvaz.gateway.cameras.motion_state import QUIET_S, MotionState
from darvaz.gateway.cameras.picture_change import PIXELS_MAX, THUMBNAIL, UndecodableError, changed_percent, thumbnail
from darvaz.gateway.frames import Frames, TooManyViewersError
from tests.support.scenes import scene


def change(before: bytes, now: bytes) -> float:
    return changed_percent(thumbnail(before), thumbnail(now))


def test_noise_of_a_sensor_is_no_change() -> None:
    assert change(scene(noise=1), scene(noise=2)) == 0


def test_a_little_more_light_is_no_change() -> None:
    assert change(scene(noise=1), scene(noise=2, light=8)) == 0


def test_somebody_who_comes_or_walks_on_changes_the_picture() -> None:
    # A person takes 6 % of it; who walks on changes two places.
    assert 4 < change(scene(noise=1), scene(40, noise=2)) < 10
    assert 8 < change(scene(40, noise=1), scene(60, noise=2)) < 16


def test_frames_of_two_sizes_are_compared() -> None:
    assert change(scene(noise=1), scene(noise=2, size=(640, 480))) == 0


@pytest.mark.parametrize("frame", [b"", b"\xff\xd8picture\xff\xd9", scene()[:400], b"GIF89a" + bytes(40)])
def test_a_frame_that_is_no_whole_jpeg_is_refused(frame: bytes) -> None:
    with pytest.raises(UndecodableError):
        thumbnail(frame)


def test_a_frame_that_says_it_has_too_many_points_is_not_decoded() -> None:
    small = scene()
    at = small.index(b"\xff\xc0") + 5
    largest, larger = (PIXELS_MAX // 2_000).to_bytes(2, "big"), (PIXELS_MAX // 2_000 + 1).to_bytes(2, "big")
    width = (2_000).to_bytes(2, "big")

    with pytest.raises(UndecodableError, match="too many"):
        thumbnail(small[:at] + larger + width + small[at + 4 :])
    assert thumbnail(small[:at] + largest + width + small[at + 4 :]).size == THUMBNAIL


def test_motion_begins_with_a_change_and_ends_after_its_quiet_time() -> None:
    state = MotionState()

    assert state.compare(1.9, 2.0, 10.0) is None
    began = state.compare(5.0, 2.0, 11.0)
    assert state.compare(9.0, 2.0, 12.0) is None
    assert state.compare(0.0, 2.0, 12.0 + QUIET_S - 0.1) is None
    ended = state.compare(0.0, 2.0, 12.0 + QUIET_S)

    assert began is not None
    assert (began.is_moving, began.percent) == (True, 5.0)
    assert ended is not None
    assert (ended.is_moving, ended.percent, ended.lasted_s) == (False, 9.0, 1.0 + QUIET_S)
    assert state.quiet_at_s is None


def test_motion_ends_without_another_frame() -> None:
    state = MotionState()
    state.compare(5.0, 2.0, 10.0)

    assert state.tick(10.0 + QUIET_S - 0.1) is None
    assert state.tick(10.0 + QUIET_S) is not None
    assert state.end(99.0) is None


async def test_the_thread_rests_three_times_as_long_as_it_works_and_takes_the_newest_frame() -> None:
    database = sqlite3.connect(":memory:")
    database.execute(f"CREATE TABLE {MOTION_TABLE} (id TEXT PRIMARY KEY, number INTEGER NOT NULL, data TEXT NOT NULL)")
    ticks_s = itertools.count(100.0, 0.5)
    rests_s: list[float] = []
    rested = asyncio.Condition()

    async def rest(seconds: float) -> None:
        async with rested:
            rests_s.append(seconds)
            rested.notify_all()

    frames = Frames(viewers_max=2, viewer_deadline_s=10, monotonic_s=lambda: next(ticks_s))
    motion = Motion(database, frames, lambda *_: None, monotonic_s=lambda: next(ticks_s), rest=rest)
    motion.put("yard", MotionSetting())
    for percent in (10, 20, 30):
        frames.push("yard", scene(percent))
    async with asyncio.timeout(30), rested:
        await rested.wait_for(lambda: rests_s)
    await motion.close()
    frames.close()

    # A comparison took half a second of this clock, and of three frames that came at once the newest was compared.
    assert (rests_s, motion.compared, motion.unreadable) == ([0.5 * (1 / BUSY_SHARE_MAX - 1)], 1, 0)


async def test_without_space_for_another_viewer_it_is_refused() -> None:
    database = sqlite3.connect(":memory:")
    database.execute(f"CREATE TABLE {MOTION_TABLE} (id TEXT PRIMARY KEY, number INTEGER NOT NULL, data TEXT NOT NULL)")
    frames = Frames(viewers_max=1, viewer_deadline_s=10)
    motion = Motion(database, frames, lambda *_: None)
    motion.put("yard", MotionSetting())

    with pytest.raises(TooManyViewersError):
        motion.put("porch", MotionSetting())

    await motion.close()
    frames.close()
    assert frames.viewers == 0
