"""One camera: its newest frame is sent to every viewer that can take it; the others skip it."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Iterator

from darvaz.gateway.frames.demand import ViewerRequest
from darvaz.gateway.frames.frame import Frame, Pack
from darvaz.gateway.frames.viewer import Viewer

# How long a viewer waits for the size that it asked for; then it takes the size that comes.
_WAIT_S_MAX = 3.0
_RATE_OVER_S = 10.0
# 10 s of frames at the highest rate that boards are asked for.
_ARRIVALS_MAX = 600

# What sending a frame needs of a viewer that takes every frame and keeps up: buffered bytes, write, itself.
_FastViewer = tuple[Callable[[], int], Callable[[bytes], None], Viewer]


class Camera:
    """The newest frame of one device and its viewers. Used from the event loop only.

    A viewer is in one of three places: fast (it takes every frame, and is ready for the next), tracked (it was slow,
    or asked for a rate), or waiting (for the size that it asked for).
    """

    def __init__(self, device: str) -> None:
        self.device = device
        # None before the first frame, and after the camera left.
        self.newest: Frame | None = None
        # Since the gateway started: frames received and their bytes, and frames that late viewers were not sent, each
        # viewer counted by itself.
        self.frames = 0
        self.bytes = 0
        self.skipped = 0
        # By the form of the packets, so that the loop over them is short.
        self._fast_viewers: dict[Pack, dict[Viewer, _FastViewer]] = {}
        # In the order they joined; the values are not used.
        self._tracked: dict[Viewer, None] = {}
        # Viewer → monotonic seconds until which it waits for its size.
        self._waiting: dict[Viewer, float] = {}
        # How many tracked viewers have not been sent the newest frame; they are counted in `skipped`, for now.
        self._late_count = 0
        # What `next_frame` returned and no frame has answered yet.
        self._frame_futures: set[asyncio.Future[Frame]] = set()
        # Monotonic seconds of the newest arrivals, the oldest first.
        self._arrivals_s: deque[float] = deque(maxlen=_ARRIVALS_MAX)

    # Frames

    def push(self, data: bytes, now_s: float, unix_s: float) -> Frame:
        """Makes `data` the newest frame, sends it to every viewer that is ready, and returns it."""
        self.frames += 1
        self.bytes += len(data)
        self._arrivals_s.append(now_s)
        before, self.newest = self.newest, Frame(data, self.frames, now_s, unix_s)
        for viewer in self._send_to_fast(self.newest):
            self._track(viewer, before)
        self._late_count = self._offer_to_tracked(self.newest, now_s)
        self.skipped += self._late_count
        for future in self._frame_futures:
            if not future.done():
                future.set_result(self.newest)
        self._frame_futures.clear()
        return self.newest

    def _send_to_fast(self, frame: Frame) -> list[Viewer]:
        """Writes to the fast viewers, and returns those that are no longer fast; it runs for each frame and viewer."""
        slowed: list[Viewer] = []
        for pack, viewers_of_form in self._fast_viewers.items():
            packet = frame.packet(pack)
            for buffered_bytes, write, viewer in viewers_of_form.values():
                if buffered_bytes():
                    slowed.append(viewer)
                else:
                    write(packet)
        return slowed

    def _offer_to_tracked(self, frame: Frame, now_s: float) -> int:
        """Offers the newest frame to the tracked viewers that were not sent it; returns how many cannot take it yet."""
        late_count = 0
        for viewer in [viewer for viewer in self._tracked if viewer.number != frame.number]:
            if not viewer.offer(frame, now_s):
                late_count += 1
            elif viewer.request.fps is None:
                self.leave(viewer)
                self.join(viewer)
        return late_count

    def _track(self, viewer: Viewer, being_sent: Frame | None) -> None:
        self.leave(viewer)
        self._tracked[viewer] = None
        if being_sent is not None:
            viewer.set_current(being_sent)

    def next_frame(self, deadline_s: float) -> asyncio.Future[Frame]:
        """Returns a future of the next frame; awaiting it raises `TimeoutError` after the deadline."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Frame] = loop.create_future()
        timer = loop.call_later(deadline_s, _give_up, future)
        self._frame_futures.add(future)
        future.add_done_callback(lambda _: timer.cancel())
        future.add_done_callback(self._frame_futures.discard)
        return future

    def fps(self, now_s: float) -> float:
        """Returns the rate at which frames arrived in the last seconds."""
        recent_s = [arrived_s for arrived_s in self._arrivals_s if arrived_s > now_s - _RATE_OVER_S]
        return len(recent_s) / _RATE_OVER_S

    # Viewers

    def __iter__(self) -> Iterator[Viewer]:
        for viewers_of_form in self._fast_viewers.values():
            yield from viewers_of_form
        yield from self._tracked
        yield from self._waiting

    @property
    def viewers(self) -> int:
        return sum(1 for _ in self)

    @property
    def requests(self) -> list[ViewerRequest]:
        """The requests of all viewers that are not paused."""
        return [viewer.request for viewer in self if viewer.request.fps != 0]

    def join(self, viewer: Viewer) -> None:
        """Sends the viewer the frames that come from now on."""
        if viewer.request.fps is not None:
            self._tracked[viewer] = None
        else:
            viewers_of_form = self._fast_viewers.setdefault(viewer.pack, {})
            viewers_of_form[viewer] = (viewer.buffered_bytes, viewer.write, viewer)

    def wait(self, viewer: Viewer, now_s: float) -> None:
        """Counts the viewer's request, but sends it nothing before `release_waiting`.

        Players take the size of the first frame for the size of all.
        """
        self._waiting[viewer] = now_s + _WAIT_S_MAX

    def release_waiting(self, now_s: float = math.inf) -> None:
        """Lets viewers join that have waited long enough; without a time, all that wait."""
        for viewer in [viewer for viewer, until_s in self._waiting.items() if now_s >= until_s]:
            del self._waiting[viewer]
            self.join(viewer)

    def change_request(self, viewer: Viewer, request: ViewerRequest) -> None:
        """Gives a viewer another request."""
        is_joined = viewer in set(self)
        self.leave(viewer)
        viewer.request = request
        if is_joined:
            self.join(viewer)

    def leave(self, viewer: Viewer) -> None:
        """Removes the viewer."""
        viewers_of_form = self._fast_viewers.get(viewer.pack, {})
        viewers_of_form.pop(viewer, None)
        if not viewers_of_form:
            self._fast_viewers.pop(viewer.pack, None)
        self._tracked.pop(viewer, None)
        self._waiting.pop(viewer, None)

    @property
    def dropped(self) -> int:
        """How many frames were not sent because a viewer was still being sent an older one; it never decreases."""
        return self.skipped - self._late_count

    # Time

    @property
    def has_late_viewers(self) -> bool:
        """Whether a viewer was not sent the newest frame yet."""
        return self._late_count > 0

    def catch_up(self, now_s: float) -> None:
        """Sends the newest frame to the late viewers that are ready by now."""
        if self._late_count and self.newest is not None:
            late_count = self._offer_to_tracked(self.newest, now_s)
            self.skipped -= self._late_count - late_count
            self._late_count = late_count

    def beat(self, now_s: float) -> None:
        """Sends something to the viewers that have not been sent anything for long."""
        for viewer in self:
            viewer.beat(now_s)

    def drop_stuck(self, now_s: float, deadline_s: float) -> None:
        """Drops the viewers that did not take their frame within the deadline, or are no longer admitted."""
        for viewer in list(self):
            if self.newest is not None and viewer not in self._tracked:
                viewer.set_current(self.newest)
            if viewer.is_stuck(now_s, deadline_s):
                viewer.drop(f"it did not take one frame in {deadline_s:g} s")
            elif not viewer.is_admitted():
                viewer.drop("it is no longer admitted")


def _give_up(future: asyncio.Future[Frame]) -> None:
    if not future.done():
        future.set_exception(TimeoutError("no frame came"))
