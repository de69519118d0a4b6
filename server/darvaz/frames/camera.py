"""One camera: its newest frame, handed to every viewer that can take it; the others skip it."""

from __future__ import annotations

import asyncio
import math
from collections import deque

from darvaz.frames.demand import Wish
from darvaz.frames.frame import Frame
from darvaz.frames.viewer import Viewer

# How long a viewer waits for the size that it asked for; then it takes what there is.
_WAIT_S_MAX = 3.0
_RATE_OVER_S = 10.0
# At the highest rate that boards are asked for.
_ARRIVALS_MAX = 600


class Camera:
    """The newest frame of one device and the viewers of it. Used from the event loop only."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.newest: Frame | None = None
        self.frames = 0
        self.bytes = 0
        self._viewers: dict[Viewer, None] = {}
        self._waiting: dict[Viewer, float] = {}
        self._behind: set[Viewer] = set()
        self._awaited: set[asyncio.Future[Frame]] = set()
        self._arrivals_s: deque[float] = deque(maxlen=_ARRIVALS_MAX)

    # Frames

    def push(self, data: bytes, now_s: float, unix_s: float) -> Frame:
        """Makes `data` the newest frame, sends it to all who are ready, and returns it."""
        self.frames += 1
        self.bytes += len(data)
        self._arrivals_s.append(now_s)
        frame = self.newest = Frame(data, self.frames, now_s, unix_s)
        for viewer in self._viewers:
            if not viewer.offer(frame, now_s):
                self._behind.add(viewer)
        for awaited in self._awaited:
            if not awaited.done():
                awaited.set_result(frame)
        self._awaited.clear()
        return frame

    def fps(self, now_s: float) -> float:
        """Returns the rate at which frames came of late."""
        recent_s = [arrived_s for arrived_s in self._arrivals_s if arrived_s > now_s - _RATE_OVER_S]
        return len(recent_s) / _RATE_OVER_S

    async def next_frame(self, deadline_s: float) -> Frame:
        """Waits for the first frame that comes from now on; raises `TimeoutError` without one in time."""
        awaited: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._awaited.add(awaited)
        try:
            async with asyncio.timeout(deadline_s):
                return await awaited
        finally:
            self._awaited.discard(awaited)

    # Viewers

    @property
    def viewers(self) -> int:
        return len(self._viewers) + len(self._waiting)

    @property
    def wishes(self) -> list[Wish]:
        """What each viewer wants who wants anything now."""
        return [viewer.wish for viewer in (*self._viewers, *self._waiting) if viewer.wish.fps != 0]

    def join(self, viewer: Viewer) -> None:
        """Hands the viewer each frame that comes from now on."""
        self._viewers[viewer] = None

    def wait(self, viewer: Viewer, now_s: float) -> None:
        """Counts the viewer's wish, and hands it frames from `serve` on, when the camera obeys, or a little later.

        Players take the size of the first frame for that of all.
        """
        self._waiting[viewer] = now_s + _WAIT_S_MAX

    def serve(self, now_s: float = math.inf) -> None:
        """Lets those in who have waited long enough; without a time, all."""
        for viewer in [viewer for viewer, until_s in self._waiting.items() if now_s >= until_s]:
            del self._waiting[viewer]
            self._viewers[viewer] = None

    def leave(self, viewer: Viewer) -> None:
        """Forgets the viewer."""
        self._viewers.pop(viewer, None)
        self._waiting.pop(viewer, None)
        self._behind.discard(viewer)

    # Time

    @property
    def has_behind(self) -> bool:
        """Whether a viewer has skipped frames and waits for the newest."""
        return bool(self._behind)

    def catch_up(self, now_s: float) -> None:
        """Sends the newest frame to the viewers that skipped some and are ready by now."""
        frame = self.newest
        if frame is None:
            return
        for viewer in list(self._behind):
            if viewer.number == frame.number or viewer.offer(frame, now_s):
                self._behind.discard(viewer)

    def drop_dead(self, now_s: float, deadline_s: float) -> None:
        """Cuts off the viewers that did not take their frame within the deadline, or may not stay."""
        for viewer in (*self._viewers, *self._waiting):
            if viewer.is_stuck(now_s, deadline_s):
                viewer.drop(f"it did not take one frame in {deadline_s:g} s")
            elif not viewer.may_stay():
                viewer.drop("it may not look any more")
