"""All cameras: where frames come in, where viewers join, and the clock that looks after the slow ones."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from darvaz.gateway.frames.camera import Camera
from darvaz.gateway.frames.demand import ViewerRequest
from darvaz.gateway.frames.frame import Frame
from darvaz.gateway.frames.viewer import Viewer

# How soon a viewer that was busy is looked at again; it costs nothing while nobody is behind.
CATCH_UP_EVERY_S = 0.02
CHECK_EVERY_S = 1.0


class TooManyViewersError(Exception):
    """The gateway has all the viewers it may have."""


class Frames:
    """The newest frame of each camera and its viewers, by device id. Used from the event loop only.

    A camera is remembered once it sent a frame or somebody looked for it; there are no more of them
    than devices.
    """

    def __init__(
        self,
        *,
        viewers_max: int,
        viewer_deadline_s: float,
        monotonic_s: Callable[[], float] = time.monotonic,
        unix_s: Callable[[], float] = time.time,
    ) -> None:
        self.viewers = 0
        self._viewers_max = viewers_max
        self._viewer_deadline_s = viewer_deadline_s
        self._monotonic_s = monotonic_s
        self._unix_s = unix_s
        self._cameras: dict[str, Camera] = {}
        self._on_frame: list[Callable[[str, Frame], None]] = []
        self._on_demand: list[Callable[[str], None]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._turn_s = 0.0
        self._checked_s = 0.0

    # Frames

    def push(self, device: str, data: bytes) -> None:
        """Takes one frame of a device and hands it on."""
        camera = self.camera(device)
        frame = camera.push(data, self._monotonic_s(), self._unix_s())
        if camera.has_late_viewers:
            self._look_within(CATCH_UP_EVERY_S)
        for call in self._on_frame:
            call(device, frame)

    def camera(self, device: str) -> Camera:
        """Returns a device's camera, made when first asked for."""
        camera = self._cameras.get(device)
        if camera is None:
            camera = self._cameras[device] = Camera(device)
        return camera

    def forget(self, device: str) -> None:
        """Drops the newest frame: what a camera sent before it left is not what is to be seen when it is back."""
        camera = self._cameras.get(device)
        if camera is not None:
            camera.newest = None

    @property
    def cameras(self) -> list[Camera]:
        return list(self._cameras.values())

    # Those who want to know

    def on_frame(self, call: Callable[[str, Frame], None]) -> None:
        """Has `call` told of each frame; it must be quick."""
        self._on_frame.append(call)

    def on_demand(self, call: Callable[[str], None]) -> None:
        """Has `call` told when the viewers of a device came, left or changed their mind."""
        self._on_demand.append(call)

    # Viewers

    def join(self, device: str, viewer: Viewer, *, waits: bool = False) -> None:
        """Lets a viewer see every frame from now on; one that waits, from when the camera does what it wants.

        Raises `TooManyViewersError`.
        """
        if self.viewers >= self._viewers_max:
            raise TooManyViewersError(f"the gateway has all the {self._viewers_max} viewers it may have")
        self.viewers += 1
        camera = self.camera(device)
        if waits:
            camera.wait(viewer, self._monotonic_s())
        else:
            camera.join(viewer)
        self._look_within(CHECK_EVERY_S)
        self._tell(device)

    def leave(self, device: str, viewer: Viewer) -> None:
        """Forgets a viewer."""
        self.viewers -= 1
        self.camera(device).leave(viewer)
        self._tell(device)

    def want(self, device: str, viewer: Viewer, request: ViewerRequest) -> None:
        """Gives a viewer another request."""
        self.camera(device).want(viewer, request)
        self._tell(device)

    def _tell(self, device: str) -> None:
        for call in self._on_demand:
            call(device)

    # Time

    def close(self) -> None:
        """Stops the clock."""
        if self._timer is not None:
            self._timer.cancel()

    def _look_within(self, wait_s: float) -> None:
        """Sees that the clock turns soon enough."""
        turn_s = self._monotonic_s() + wait_s
        if self._timer is not None:
            if self._turn_s <= turn_s:
                return
            self._timer.cancel()
        self._turn_s = turn_s
        self._timer = asyncio.get_running_loop().call_later(wait_s, self._turn)

    def _turn(self) -> None:
        """Serves those who are behind and, once a second, looks for the dead; rests while nobody looks."""
        self._timer = None
        now_s = self._monotonic_s()
        is_check = now_s - self._checked_s >= CHECK_EVERY_S
        has_late_viewers = False
        for camera in self._cameras.values():
            camera.catch_up(now_s)
            has_late_viewers |= camera.has_late_viewers
            if is_check:
                camera.release_waiting(now_s)
                camera.drop_stuck(now_s, self._viewer_deadline_s)
        if is_check:
            self._checked_s = now_s
        if self.viewers:
            self._look_within(CATCH_UP_EVERY_S if has_late_viewers else CHECK_EVERY_S)
