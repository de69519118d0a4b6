"""Motion before cameras: compares frames in a thread, and tells what moves as a value of the board and in the journal.

It is off, unless somebody turns it on for a camera. It joins the camera like a viewer with a low rate, so that the
board sends frames while nobody watches.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from darvaz.gateway.cameras.motion_state import MotionChange, MotionState
from darvaz.gateway.cameras.picture_change import UndecodableError, can_compare, changed_percent, thumbnail
from darvaz.gateway.frames import Frame, Frames, TooManyViewersError, Viewer, ViewerRequest
from darvaz.gateway.storage.kept_rows import Kept

if TYPE_CHECKING:
    from PIL import Image

log = logging.getLogger("darvaz.camera")

MOTION_TABLE = "camera_motion"
# The value of the board that is true while something moves; makers call a sensor of theirs `motion`.
MOTION_VALUE = "camera_motion"
CAMERAS_MAX = 64
FPS = 2.0
# Of one core, for all cameras together: after a comparison the thread rests for the rest of the time.
BUSY_SHARE_MAX = 0.25
# Frames that are further apart show another light, and not what moved.
COMPARED_WITHIN_S = 15.0
PERCENT = 2.0

Tell = Callable[[str, bool, MotionChange | None, float], None]
"""Called with a camera, whether something moves, the change (None: it is only known from now on), and Unix seconds."""


class MotionSetting(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Whether motion before a camera is looked for."""

    is_on: bool = True
    percent: Annotated[
        float, Meta(ge=0.1, le=100, description="Of the picture that must change between two frames.")
    ] = PERCENT


class TooManyCamerasError(Exception):
    """Motion is looked for before as many cameras as it may be."""


class _Watched:
    """One camera that is watched."""

    def __init__(self, setting: MotionSetting) -> None:
        self.setting = setting
        self.state = MotionState()
        self.viewer: Viewer | None = None
        self.percent: float | None = None
        # The newest frame that was not compared yet, and what it is compared with.
        self.next: Frame | None = None
        self.before: Image.Image | None = None
        self.before_s = 0.0
        # Counts links of the board: frames of two of them are not compared.
        self.link = 0


class Motion:
    """Looks for motion. Used from the event loop only; frames are decoded and compared in one thread, in turn.

    Of each camera at most one frame waits, the newest. `tell` is called with what began and ended.
    """

    def __init__(
        self,
        tables: sqlite3.Connection,
        frames: Frames,
        tell: Tell,
        monotonic_s: Callable[[], float] = time.monotonic,
        rest: Callable[[float], Awaitable[None]] = asyncio.sleep,
        unix_s: Callable[[], float] = time.time,
    ) -> None:
        self._kept = Kept(tables, MOTION_TABLE, MotionSetting)
        self._frames = frames
        self._tell = tell
        self._monotonic_s = monotonic_s
        self._rest = rest
        self._unix_s = unix_s
        self._watched: dict[str, _Watched] = {}
        self._settings: dict[str, MotionSetting] = {}
        self._wake = asyncio.Event()
        self._thread: ThreadPoolExecutor | None = None
        self._task: asyncio.Task[None] | None = None
        self.compared = self.unreadable = 0
        """Frames since the start."""

    # Start and stop

    def open(self) -> None:
        """Looks at the cameras of the settings from now on."""
        self._settings = self._kept.load()
        for device, setting in self._settings.items():
            if setting.is_on and can_compare() and len(self._watched) < CAMERAS_MAX:
                self._watch(device, setting)

    async def close(self) -> None:
        """Ends it; a frame that is being compared is awaited."""
        for device in list(self._watched):
            self._unwatch(device)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._thread is not None:
            await asyncio.to_thread(self._thread.shutdown)

    # Settings

    @property
    def settings(self) -> Mapping[str, MotionSetting]:
        return self._settings

    def setting_of(self, device: str) -> MotionSetting:
        """Returns the setting of a camera; it is off until somebody turns it on."""
        return self._settings.get(device, MotionSetting(is_on=False))

    def state_of(self, device: str) -> tuple[bool, float | None]:
        """Returns whether something moves now, and how much of the picture changed last."""
        watched = self._watched.get(device)
        return (False, None) if watched is None else (watched.state.is_moving, watched.percent)

    def put(self, device: str, setting: MotionSetting) -> None:
        """Changes the setting of a camera; raises `TooManyCamerasError` and `TooManyViewersError`."""
        watched = self._watched.get(device)
        if setting.is_on and watched is None:
            if len(self._watched) >= CAMERAS_MAX:
                raise TooManyCamerasError(f"motion is looked for before {CAMERAS_MAX} cameras already")
            self._watch(device, setting, is_new=True)
        elif setting.is_on and watched is not None:
            watched.setting = setting
        elif watched is not None:
            self._unwatch(device)
        self._settings[device] = setting
        self._kept.put({device: setting})

    def forget(self, device: str) -> None:
        """Forgets the setting of a device that is forgotten."""
        if device in self._watched:
            self._leave(device)
        if self._settings.pop(device, None) is not None:
            self._kept.remove([device])

    def begin_link(self, device: str) -> None:
        """Takes that a camera connected or left: its next frame is compared with none before."""
        watched = self._watched.get(device)
        if watched is not None:
            watched.link += 1
            watched.before = watched.next = watched.percent = None
            self._end(device, watched)

    # Frames

    def _watch(self, device: str, setting: MotionSetting, *, is_new: bool = False) -> None:
        watched = _Watched(setting)
        sender = _FrameNote(lambda: self._take(device))
        watched.viewer = Viewer(sender, _no_packet, ViewerRequest(fps=FPS), lambda: True)
        try:
            self._frames.join(device, watched.viewer)
        except TooManyViewersError as error:
            if is_new:
                raise
            log.warning("= motion before %s is not looked for: %s", device, error)
            return
        self._watched[device] = watched
        if self._task is None:
            self._thread = ThreadPoolExecutor(1, "motion")
            self._task = asyncio.get_running_loop().create_task(self._run(), name="motion")

    def _leave(self, device: str) -> _Watched:
        watched = self._watched.pop(device)
        if watched.viewer is not None:
            self._frames.leave(device, watched.viewer)
        return watched

    def _unwatch(self, device: str) -> None:
        self._end(device, self._leave(device))

    def _end(self, device: str, watched: _Watched) -> None:
        change = watched.state.end(self._monotonic_s())
        if change is not None:
            self._tell(device, False, change, self._unix_s())

    def _take(self, device: str) -> None:
        """Takes the newest frame of a camera, which is sent as to a viewer."""
        watched = self._watched.get(device)
        if watched is not None:
            watched.next = self._frames.camera(device).newest
            self._wake.set()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            for device in [device for device, watched in self._watched.items() if watched.next is not None]:
                watched = self._watched.get(device)
                if watched is not None and watched.next is not None:
                    frame, watched.next = watched.next, None
                    await self._compare(device, watched, frame)
            self._tick()
            quiet_s = [at_s for each in self._watched.values() if (at_s := each.state.quiet_at_s) is not None]
            wait_s = max(0.0, min(quiet_s) - self._monotonic_s()) if quiet_s else None
            try:
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _tick(self) -> None:
        for device, watched in self._watched.items():
            change = watched.state.tick(self._monotonic_s())
            if change is not None:
                self._tell(device, False, change, self._unix_s())

    async def _compare(self, device: str, watched: _Watched, frame: Frame) -> None:
        before = watched.before if frame.arrived_s - watched.before_s <= COMPARED_WITHIN_S else None
        link, began_s = watched.link, self._monotonic_s()
        assert self._thread is not None
        try:
            now, percent = await asyncio.get_running_loop().run_in_executor(self._thread, _look, before, frame.data)
        except UndecodableError as error:
            self.unreadable += 1
            log.debug("= a frame of %s cannot be compared: %s", device, error)
        else:
            self.compared += 1
            # Turned off, or another link, while the thread was at it.
            if self._watched.get(device) is watched and watched.link == link:
                watched.before, watched.before_s = now, frame.arrived_s
                self._take_percent(device, watched, percent, frame)
        busy_s = self._monotonic_s() - began_s
        await self._rest(busy_s * (1 / BUSY_SHARE_MAX - 1))

    def _take_percent(self, device: str, watched: _Watched, percent: float | None, frame: Frame) -> None:
        watched.percent = percent
        if percent is None:
            # Alerts, rules and pages know the value from now on.
            self._tell(device, watched.state.is_moving, None, frame.unix_s)
            return
        change = watched.state.compare(percent, watched.setting.percent, frame.arrived_s)
        if change is not None:
            self._tell(device, change.is_moving, change, frame.unix_s)


class _FrameNote:
    """Stands where a viewer has its connection: it is always ready, and only notes that a frame came."""

    def __init__(self, note: Callable[[], None]) -> None:
        self._note = note

    def write(self, packet: bytes) -> None:
        self._note()

    def buffered_bytes(self) -> int:
        return 0

    def abort(self, reason: str) -> None:
        """Nothing is there to end: it keeps up, and is always admitted."""


def _no_packet(frame: Frame) -> bytes:
    return b""


def _look(before: Image.Image | None, jpeg: bytes) -> tuple[Image.Image, float | None]:
    """Returns a frame as it is compared with the next, and how much of it changed. Runs in the thread."""
    now = thumbnail(jpeg)
    return now, None if before is None else changed_percent(before, now)
