"""One camera: its newest frame, handed to every viewer that can take it; the others skip it."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Iterator

from darvaz.gateway.frames.demand import ViewerRequest
from darvaz.gateway.frames.frame import Frame, Pack
from darvaz.gateway.frames.viewer import Viewer

# How long a viewer waits for the size that it asked for; then it takes what there is.
_WAIT_S_MAX = 3.0
_RATE_OVER_S = 10.0
# At the highest rate that boards are asked for.
_ARRIVALS_MAX = 600

# What a frame needs of a viewer that takes all of them and keeps up; the others are tracked one by one.
_Lane = tuple[Callable[[], int], Callable[[bytes], None], Viewer]


class Camera:
    """The newest frame of one device and the viewers of it. Used from the event loop only."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.newest: Frame | None = None
        self.frames = 0
        self.bytes = 0
        self.skipped = 0
        self._lanes: dict[Pack, dict[Viewer, _Lane]] = {}
        self._tracked: dict[Viewer, None] = {}
        self._waiting: dict[Viewer, float] = {}
        self._behind = 0
        self._awaited: set[asyncio.Future[Frame]] = set()
        self._arrivals_s: deque[float] = deque(maxlen=_ARRIVALS_MAX)

    # Frames

    def push(self, data: bytes, now_s: float, unix_s: float) -> Frame:
        """Makes `data` the newest frame, sends it to all who are ready, and returns it."""
        self.frames += 1
        self.bytes += len(data)
        self._arrivals_s.append(now_s)
        before, self.newest = self.newest, Frame(data, self.frames, now_s, unix_s)
        for viewer in self._send(self.newest):
            self._track(viewer, before)
        self._behind = self._offer(self.newest, now_s)
        self.skipped += self._behind
        for awaited in self._awaited:
            if not awaited.done():
                awaited.set_result(self.newest)
        self._awaited.clear()
        return self.newest

    def _send(self, frame: Frame) -> list[Viewer]:
        """Writes to those who keep up, as briefly as can be: each frame, each viewer; returns who does not any more."""
        fallen: list[Viewer] = []
        for pack, lanes in self._lanes.items():
            packet = frame.packet(pack)
            for buffered_bytes, write, viewer in lanes.values():
                if buffered_bytes():
                    fallen.append(viewer)
                else:
                    write(packet)
        return fallen

    def _offer(self, frame: Frame, now_s: float) -> int:
        """Offers the newest frame to the others who have not had it; returns how many cannot take it yet."""
        behind = 0
        for viewer in [viewer for viewer in self._tracked if viewer.number != frame.number]:
            if not viewer.offer(frame, now_s):
                behind += 1
            elif viewer.request.fps is None:
                self.leave(viewer)
                self.join(viewer)
        return behind

    def _track(self, viewer: Viewer, being_sent: Frame | None) -> None:
        self.leave(viewer)
        self._tracked[viewer] = None
        if being_sent is not None:
            viewer.note(being_sent)

    def next_frame(self, deadline_s: float) -> asyncio.Future[Frame]:
        """Returns the first frame that comes from now on, to be awaited; raises `TimeoutError` without one in time."""
        loop = asyncio.get_running_loop()
        awaited: asyncio.Future[Frame] = loop.create_future()
        timer = loop.call_later(deadline_s, _give_up, awaited)
        self._awaited.add(awaited)
        awaited.add_done_callback(lambda _: timer.cancel())
        awaited.add_done_callback(self._awaited.discard)
        return awaited

    def fps(self, now_s: float) -> float:
        """Returns the rate at which frames came of late."""
        recent_s = [arrived_s for arrived_s in self._arrivals_s if arrived_s > now_s - _RATE_OVER_S]
        return len(recent_s) / _RATE_OVER_S

    # Viewers

    def __iter__(self) -> Iterator[Viewer]:
        for lanes in self._lanes.values():
            yield from lanes
        yield from self._tracked
        yield from self._waiting

    @property
    def viewers(self) -> int:
        return sum(1 for _ in self)

    @property
    def requests(self) -> list[ViewerRequest]:
        """What each viewer wants who wants anything now."""
        return [viewer.request for viewer in self if viewer.request.fps != 0]

    def join(self, viewer: Viewer) -> None:
        """Hands the viewer each frame that comes from now on."""
        if viewer.request.fps is not None:
            self._tracked[viewer] = None
        else:
            lanes = self._lanes.setdefault(viewer.pack, {})
            lanes[viewer] = (viewer.buffered_bytes, viewer.write, viewer)

    def wait(self, viewer: Viewer, now_s: float) -> None:
        """Counts the viewer's request, but sends it nothing before `release_waiting`.

        Players take the size of the first frame for the size of all.
        """
        self._waiting[viewer] = now_s + _WAIT_S_MAX

    def release_waiting(self, now_s: float = math.inf) -> None:
        """Lets those in who have waited long enough; without a time, all."""
        for viewer in [viewer for viewer, until_s in self._waiting.items() if now_s >= until_s]:
            del self._waiting[viewer]
            self.join(viewer)

    def want(self, viewer: Viewer, request: ViewerRequest) -> None:
        """Gives a viewer another request."""
        is_here = viewer in set(self)
        self.leave(viewer)
        viewer.request = request
        if is_here:
            self.join(viewer)

    def leave(self, viewer: Viewer) -> None:
        """Forgets the viewer."""
        lanes = self._lanes.get(viewer.pack, {})
        lanes.pop(viewer, None)
        if not lanes:
            self._lanes.pop(viewer.pack, None)
        self._tracked.pop(viewer, None)
        self._waiting.pop(viewer, None)

    @property
    def dropped(self) -> int:
        """How many frames were not sent to a viewer that was still being sent an older one; it never goes back."""
        return self.skipped - self._behind

    # Time

    @property
    def has_late_viewers(self) -> bool:
        """Whether a viewer has skipped frames and waits for the newest."""
        return self._behind > 0

    def catch_up(self, now_s: float) -> None:
        """Sends the newest frame to the viewers that skipped some and are ready by now."""
        if self._behind and self.newest is not None:
            still = self._offer(self.newest, now_s)
            self.skipped -= self._behind - still
            self._behind = still

    def drop_stuck(self, now_s: float, deadline_s: float) -> None:
        """Cuts off the viewers that did not take their frame within the deadline, or may not stay."""
        for viewer in list(self):
            if self.newest is not None and viewer not in self._tracked:
                viewer.note(self.newest)
            if viewer.is_stuck(now_s, deadline_s):
                viewer.drop(f"it did not take one frame in {deadline_s:g} s")
            elif not viewer.may_stay():
                viewer.drop("it may not look any more")


def _give_up(awaited: asyncio.Future[Frame]) -> None:
    if not awaited.done():
        awaited.set_exception(TimeoutError("no frame came"))
