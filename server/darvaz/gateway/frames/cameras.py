"""All cameras: frames come in, viewers join and leave, and a timer serves the late ones."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from darvaz.gateway.frames.camera import Camera
from darvaz.gateway.frames.demand import ViewerRequest
from darvaz.gateway.frames.frame import Frame
from darvaz.gateway.frames.viewer import Viewer

# How soon a late viewer is tried again; the timer runs this fast only while one is late.
CATCH_UP_EVERY_S = 0.02
CHECK_EVERY_S = 1.0


class TooManyViewersError(Exception):
    """The gateway has the maximum number of viewers."""


class Frames:
    """The newest frame of each camera and its viewers, by device id. Used from the event loop only.

    A camera exists once it sent a frame or was asked for; there are at most as many as devices.
    """

    def __init__(
        self,
        *,
        viewers_max: int,
        viewer_deadline_s: float,
        monotonic_s: Callable[[], float] = time.monotonic,
        unix_s: Callable[[], float] = time.time,
    ) -> None:
        # How many there are, of all cameras.
        self.viewers = 0
        self._viewers_max = viewers_max
        self._viewer_deadline_s = viewer_deadline_s
        self._monotonic_s = monotonic_s
        self._unix_s = unix_s
        self._cameras: dict[str, Camera] = {}
        self._on_frame: list[Callable[[str, Frame], None]] = []
        self._on_demand: list[Callable[[str], None]] = []
        # Runs `_check`; None while there are no viewers. Monotonic seconds: when it runs, and of the last full check.
        self._timer: asyncio.TimerHandle | None = None
        self._timer_s = 0.0
        self._checked_s = 0.0

    # Frames

    def push(self, device: str, data: bytes) -> None:
        """Takes one frame of a device, and sends it to its viewers."""
        camera = self.camera(device)
        frame = camera.push(data, self._monotonic_s(), self._unix_s())
        if camera.has_late_viewers:
            self._check_within(CATCH_UP_EVERY_S)
        for call in self._on_frame:
            call(device, frame)

    def camera(self, device: str) -> Camera:
        """Returns the camera of a device."""
        camera = self._cameras.get(device)
        if camera is None:
            camera = self._cameras[device] = Camera(device)
        return camera

    def forget(self, device: str) -> None:
        """Drops the newest frame of a camera that left or came back: it would show the past."""
        camera = self._cameras.get(device)
        if camera is not None:
            camera.newest = None

    @property
    def cameras(self) -> list[Camera]:
        return list(self._cameras.values())

    # Subscribers

    def on_frame(self, call: Callable[[str, Frame], None]) -> None:
        """Has `call` called with each frame; it must be quick."""
        self._on_frame.append(call)

    def on_demand(self, call: Callable[[str], None]) -> None:
        """Has `call` called when viewers of a device joined, left or changed their request."""
        self._on_demand.append(call)

    # Viewers

    def join(self, device: str, viewer: Viewer, *, waits: bool = False) -> None:
        """Sends a viewer every frame from now on; one that waits, once the camera sends the size that it asked for.

        Raises `TooManyViewersError`.
        """
        if self.viewers >= self._viewers_max:
            raise TooManyViewersError(f"the gateway has the maximum of {self._viewers_max} viewers")
        self.viewers += 1
        camera = self.camera(device)
        if waits:
            camera.wait(viewer, self._monotonic_s())
        else:
            camera.join(viewer)
        self._check_within(CHECK_EVERY_S)
        self._report_demand(device)

    def leave(self, device: str, viewer: Viewer) -> None:
        """Removes a viewer."""
        self.viewers -= 1
        self.camera(device).leave(viewer)
        self._report_demand(device)

    def change_request(self, device: str, viewer: Viewer, request: ViewerRequest) -> None:
        """Gives a viewer another request."""
        self.camera(device).change_request(viewer, request)
        self._report_demand(device)

    def _report_demand(self, device: str) -> None:
        for call in self._on_demand:
            call(device)

    # Time

    def close(self) -> None:
        """Stops the timer."""
        if self._timer is not None:
            self._timer.cancel()

    def look_now(self) -> None:
        """Drops the viewers that may not stay."""
        for camera in self._cameras.values():
            camera.drop_stuck(self._monotonic_s(), self._viewer_deadline_s)

    def _check_within(self, wait_s: float) -> None:
        """Has the timer run within this time."""
        timer_s = self._monotonic_s() + wait_s
        if self._timer is not None:
            if self._timer_s <= timer_s:
                return
            self._timer.cancel()
        self._timer_s = timer_s
        self._timer = asyncio.get_running_loop().call_later(wait_s, self._check)

    def _check(self) -> None:
        """Serves late viewers and, once a second, drops stuck ones; the timer stops while there are no viewers."""
        self._timer = None
        now_s = self._monotonic_s()
        is_full_check = now_s - self._checked_s >= CHECK_EVERY_S
        is_any_late = False
        for camera in self._cameras.values():
            camera.catch_up(now_s)
            is_any_late |= camera.has_late_viewers
            if is_full_check:
                camera.release_waiting(now_s)
                camera.drop_stuck(now_s, self._viewer_deadline_s)
                camera.beat(now_s)
        if is_full_check:
            self._checked_s = now_s
        if self.viewers:
            self._check_within(CATCH_UP_EVERY_S if is_any_late else CHECK_EVERY_S)
