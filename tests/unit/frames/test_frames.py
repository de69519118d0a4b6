"""The newest frame goes to every viewer that can take it; slow viewers skip frames, and do not delay the others."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Callable

import pytest

from darvaz.gateway.frames import Camera, Frame, Viewer, ViewerRequest
from darvaz.gateway.frames.viewer import BEAT_S

DEADLINE_S = 20.0


class Sink:
    """An outlet that takes packets while it is not clogged."""

    def __init__(self) -> None:
        self.packets: list[bytes] = []
        self.clogged_bytes = 0
        self.aborted_for = ""
        self.happened = asyncio.Event()

    def write(self, packet: bytes) -> None:
        self.packets.append(packet)
        self.happened.set()

    def buffered_bytes(self) -> int:
        return self.clogged_bytes

    def abort(self, reason: str) -> None:
        self.aborted_for = reason
        self.happened.set()


def whole(frame: Frame) -> bytes:
    return frame.data


def viewer_on(sink: Sink, request: ViewerRequest | None = None, may_stay: Callable[[], bool] = lambda: True) -> Viewer:
    return Viewer(sink, whole, request or ViewerRequest(), may_stay)


def looking(camera: Camera, request: ViewerRequest | None = None) -> tuple[Sink, Viewer]:
    sink = Sink()
    viewer = viewer_on(sink, request)
    camera.join(viewer)
    return sink, viewer


def shoot(camera: Camera, count: int, fps: float, start_s: float = 100.0) -> None:
    for number in range(count):
        camera.push(b"%d" % camera.frames, start_s + number / fps, 0.0)


def test_each_frame_goes_to_every_viewer_that_is_ready() -> None:
    camera = Camera("yard")
    sinks = [looking(camera)[0] for _ in range(3)]

    shoot(camera, 2, fps=10)

    assert [sink.packets for sink in sinks] == [[b"0", b"1"]] * 3


def test_a_viewer_without_frames_gets_a_beat_and_a_slow_one_does_not() -> None:
    camera = Camera("yard")
    sinks = [Sink(), Sink()]
    for sink in sinks:
        camera.join(Viewer(sink, whole, ViewerRequest(), lambda: True, b"beat"))
    sinks[1].clogged_bytes = 1

    camera.beat(100.0)
    camera.beat(100.0 + BEAT_S - 0.1)
    before = list(sinks[0].packets)
    camera.beat(100.0 + BEAT_S)
    camera.beat(100.0 + BEAT_S + 1)

    assert before == []
    assert [sink.packets for sink in sinks] == [[b"beat"], []]


def test_a_frame_is_packed_once_for_all_viewers_with_the_same_form() -> None:
    camera = Camera("yard")
    packed: list[Frame] = []

    def pack(frame: Frame) -> bytes:
        packed.append(frame)
        return b"packet of " + frame.data

    sinks = [Sink() for _ in range(5)]
    for sink in sinks:
        camera.join(Viewer(sink, pack, ViewerRequest(), lambda: True))

    shoot(camera, 1, fps=10)

    assert len(packed) == 1
    assert len({id(sink.packets[0]) for sink in sinks}) == 1


def test_a_slow_viewer_skips_frames_and_then_gets_the_newest() -> None:
    camera = Camera("yard")
    slow, _ = looking(camera)
    quick, _ = looking(camera)
    shoot(camera, 1, fps=10)
    slow.clogged_bytes = 1

    shoot(camera, 5, fps=10)
    camera.catch_up(200.0)
    slow.clogged_bytes = 0
    camera.catch_up(200.1)
    camera.catch_up(200.2)

    assert slow.packets == [b"0", b"5"]
    assert quick.packets == [b"0", b"1", b"2", b"3", b"4", b"5"]
    assert (camera.skipped, camera.has_late_viewers) == (4, False)


def test_frames_that_a_slow_viewer_lost_are_counted_and_the_count_never_decreases() -> None:
    camera = Camera("yard")
    sink, _ = looking(camera)
    sink.clogged_bytes = 1
    counts = []
    for number in range(6):
        shoot(camera, 1, fps=10, start_s=100 + number)
        counts.append(camera.dropped)
        sink.clogged_bytes = number % 2
        camera.catch_up(100.5 + number)
        counts.append(camera.dropped)

    assert counts == sorted(counts)
    assert camera.dropped + len(sink.packets) == 6 - camera.has_late_viewers


def test_a_viewer_gets_each_frame_only_once() -> None:
    camera = Camera("yard")
    slow, _ = looking(camera)
    slow.clogged_bytes = 1
    shoot(camera, 1, fps=10)
    slow.clogged_bytes = 0

    shoot(camera, 1, fps=10)
    camera.catch_up(200.0)

    assert slow.packets == [b"1"]


def test_the_memory_of_a_stuck_viewer_does_not_grow_with_frames() -> None:
    camera = Camera("yard")
    stuck, _ = looking(camera)
    stuck.clogged_bytes = 1
    tracemalloc.start()

    for number in range(64):
        camera.push(bytes(512 * 1024), 100.0 + number, 0.0)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak_bytes < 3 * 512 * 1024


@pytest.mark.parametrize(
    ("camera_fps", "wanted_fps", "expected"),
    [(10, 4, 40), (10, 10, 100), (20, 10, 100), (30, 7, 70), (5, 10, 50), (60, 0.5, 5)],
)
def test_a_viewer_gets_the_rate_it_asked_for_on_average(camera_fps: float, wanted_fps: float, expected: int) -> None:
    camera = Camera("yard")
    sink, _ = looking(camera, ViewerRequest(fps=wanted_fps))

    shoot(camera, int(camera_fps * 10), fps=camera_fps)

    assert abs(len(sink.packets) - expected) <= 1
    assert camera.skipped == 0


def test_uneven_arrivals_do_not_lower_the_rate() -> None:
    camera = Camera("yard")
    sink, _ = looking(camera, ViewerRequest(fps=10))

    for number in range(100):
        camera.push(b"x", 100 + number / 10 + (0.03 if number % 2 else 0), 0.0)

    assert len(sink.packets) == 100


def test_a_paused_viewer_gets_nothing_and_its_request_does_not_count() -> None:
    camera = Camera("yard")
    sink, viewer = looking(camera, ViewerRequest(fps=0))

    shoot(camera, 5, fps=10)
    assert (sink.packets, camera.requests) == ([], [])

    camera.change_request(viewer, ViewerRequest(fps=5))
    shoot(camera, 1, fps=10, start_s=200.0)
    assert (sink.packets, camera.requests) == ([b"5"], [ViewerRequest(fps=5)])


def test_a_viewer_that_does_not_take_its_frame_is_dropped_at_the_deadline() -> None:
    camera = Camera("yard")
    sink, _ = looking(camera)
    shoot(camera, 1, fps=10, start_s=100.0)
    sink.clogged_bytes = 1

    camera.drop_stuck(110.0, deadline_s=10.0)
    assert not sink.aborted_for
    camera.drop_stuck(110.1, deadline_s=10.0)

    assert sink.aborted_for == "it did not take one frame in 10 s"


def test_a_viewer_that_waits_for_an_absent_camera_is_not_dropped() -> None:
    camera = Camera("yard")
    sink, _ = looking(camera)

    camera.drop_stuck(1e6, deadline_s=10.0)

    assert not sink.aborted_for


def test_a_viewer_that_is_no_longer_admitted_is_dropped() -> None:
    camera, sink, is_allowed = Camera("yard"), Sink(), True
    camera.join(viewer_on(sink, may_stay=lambda: is_allowed))

    camera.drop_stuck(100.0, deadline_s=10.0)
    assert not sink.aborted_for
    is_allowed = False
    camera.drop_stuck(101.0, deadline_s=10.0)

    assert sink.aborted_for == "it is no longer admitted"


def test_a_viewer_that_left_gets_nothing_and_is_not_kept() -> None:
    camera = Camera("yard")
    sink, viewer = looking(camera)
    sink.clogged_bytes = 1
    shoot(camera, 1, fps=10)

    camera.leave(viewer)
    sink.clogged_bytes = 0
    camera.catch_up(200.0)
    shoot(camera, 1, fps=10)

    assert (sink.packets, camera.viewers, camera.has_late_viewers) == ([], 0, False)


def test_the_arriving_rate_is_that_of_the_last_seconds() -> None:
    camera = Camera("yard")

    shoot(camera, 200, fps=20, start_s=100.0)

    assert camera.fps(110.0) == pytest.approx(20, abs=0.2)
    assert camera.fps(1000.0) == 0


async def test_the_next_frame_is_one_that_comes_after_the_call() -> None:
    camera = Camera("yard")
    shoot(camera, 1, fps=10)

    asking = camera.next_frame(DEADLINE_S)
    await asyncio.sleep(0)
    shoot(camera, 1, fps=10)

    assert (await asking).data == b"1"


async def test_waiting_for_the_next_frame_ends_at_the_deadline() -> None:
    with pytest.raises(TimeoutError):
        await Camera("yard").next_frame(0.01)


def test_a_viewer_that_waits_for_its_size_gets_frames_once_the_camera_sends_it() -> None:
    camera, sink = Camera("yard"), Sink()
    camera.wait(viewer_on(sink, ViewerRequest(size="QVGA")), 100.0)
    assert (camera.requests, camera.viewers) == ([ViewerRequest(size="QVGA")], 1)

    shoot(camera, 1, fps=10)
    camera.release_waiting()
    shoot(camera, 1, fps=10)

    assert sink.packets == [b"1"]


def test_waiting_for_a_size_ends_at_its_maximum() -> None:
    camera, sink = Camera("yard"), Sink()
    camera.wait(viewer_on(sink, ViewerRequest(size="QVGA")), 100.0)

    camera.release_waiting(102.9)
    shoot(camera, 1, fps=10)
    camera.release_waiting(103.0)
    shoot(camera, 1, fps=10)

    assert sink.packets == [b"1"]


def test_a_viewer_that_waited_may_leave() -> None:
    camera, viewer = Camera("yard"), viewer_on(Sink())
    camera.wait(viewer, 100.0)

    camera.leave(viewer)
    camera.release_waiting()

    assert camera.viewers == 0


def test_a_viewer_may_change_between_all_frames_and_a_rate() -> None:
    camera = Camera("yard")
    sink, viewer = looking(camera)
    shoot(camera, 2, fps=10)

    camera.change_request(viewer, ViewerRequest(fps=0.1))
    shoot(camera, 10, fps=10, start_s=200.0)
    camera.change_request(viewer, ViewerRequest())
    shoot(camera, 2, fps=10, start_s=300.0)

    assert sink.packets == [b"0", b"1", b"2", b"12", b"13"]


def test_a_late_request_does_not_bring_a_viewer_back() -> None:
    camera = Camera("yard")
    _, viewer = looking(camera)

    camera.leave(viewer)
    camera.change_request(viewer, ViewerRequest(fps=1))

    assert camera.viewers == 0


def test_a_stuck_viewer_is_dropped_without_another_frame() -> None:
    camera = Camera("yard")
    sink, _ = looking(camera)
    shoot(camera, 1, fps=10, start_s=100.0)
    sink.clogged_bytes = 1

    for now_s in (101.0, 105.0, 109.0):
        camera.drop_stuck(now_s, deadline_s=10.0)
        camera.catch_up(now_s)
    assert not sink.aborted_for
    camera.drop_stuck(110.1, deadline_s=10.0)

    assert sink.aborted_for
