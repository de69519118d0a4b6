"""Asks each connected camera for the frames that its viewers want and that its link can carry."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal

from darvaz.gateway.cameras.picture_settings import PictureSettings
from darvaz.gateway.cameras.rate_control import RateControl
from darvaz.gateway.devices.errors import CommandError, TimedOutError
from darvaz.gateway.devices.hub import Hub
from darvaz.gateway.frames import Camera, CameraSettings, Frames, StreamParams, ViewerRequest
from darvaz.gateway.frames.demand import clamp_to, merge, resolve_defaults

log = logging.getLogger("darvaz.camera")

STREAM = "stream"
ControlState = Literal["offline", "own", "pending", "agreed", "refused"]
"""`own`: the camera decides by itself what it sends."""
PROBE = "info"
# A page that is reloaded, or a second snapshot, need not stop and start the camera.
IDLE_AFTER_S = 0.6
# How often arriving frames of a watched camera are measured, and how often it is probed while all is well.
MEASURE_EVERY_S = 3.0
PROBE_EVERY_S = 15.0
_FRAMES_PER_PERIOD = 5
_ARRIVED_SHARE = 0.8
# Shorter than it takes to be idle again, because nothing is asked while a probe waits for its answer.
_PROBE_DEADLINE_S = 1.0
_UNANSWERED_PROBES_MAX = 3
_RETRY_S = 2.0
_RETRY_S_MAX = 30.0
# However often viewers change their requests, a board is asked no more often than this.
_ASK_EVERY_S = 0.4


class StreamController:
    """Runs one task for each connected camera that declared `stream`; others send what they like."""

    def __init__(
        self,
        hub: Hub,
        frames: Frames,
        settings: CameraSettings,
        command_deadline_s: float,
    ) -> None:
        self._pictures: PictureSettings | None = None
        self._hub = hub
        self._frames = frames
        self._settings = settings
        self._deadline_s = command_deadline_s
        # By device.
        self._controls: dict[str, tuple[CameraControl, asyncio.Task[None]]] = {}
        hub.on_presence(self._on_presence)
        frames.on_demand(self._on_demand)

    def follow(self, pictures: PictureSettings) -> None:
        """Asks each camera for what people chose for it, from now on."""
        self._pictures = pictures
        pictures.on_change = self._change

    def params_of(self, device: str) -> StreamParams | None:
        """Returns what a camera was asked for and agreed to, or None."""
        entry = self._controls.get(device)
        return entry[0].agreed if entry else None

    def state_of(self, device: str) -> tuple[ControlState, str]:
        """Returns whether a camera sends the size and quality that are wanted of it, and why not if it refused."""
        entry = self._controls.get(device)
        if entry is None:
            return ("own" if self._hub.is_online(device) else "offline"), ""
        return entry[0].state, entry[0].refusal

    def has_final_size(self, device: str, request: ViewerRequest) -> bool:
        """Whether this request leaves the size of frames as it is; always true for a camera that is not controlled."""
        entry = self._controls.get(device)
        if entry is None:
            return True
        control = entry[0]
        wanted = merge([*self._frames.camera(device).requests, request], control.settings)
        return control.agreed is not None and control.agreed.size == wanted.size

    def round_trip_s(self, device: str) -> float | None:
        """Returns how long a watched camera last took to answer, or None."""
        entry = self._controls.get(device)
        return entry[0].round_trip_s if entry else None

    async def close(self) -> None:
        """Ends every task."""
        tasks = [task for _, task in self._controls.values()]
        self._controls.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _on_presence(self, device: str, is_connected: bool) -> None:
        self._frames.forget(device)
        before = self._controls.pop(device, None)
        if before is not None:
            before[1].cancel()
        declared = (self._hub.commands_of(device) or {}).get(STREAM)
        if is_connected and declared is not None:
            camera = self._frames.camera(device)
            control = CameraControl(self._hub, camera, declared, self._settings, self._deadline_s)
            if self._pictures is not None:
                control.choose(self._pictures.request_of(device))
            task = asyncio.get_running_loop().create_task(control.run(), name=f"stream of {device}")
            self._controls[device] = (control, task)

    def _change(self, device: str, chosen: ViewerRequest) -> None:
        entry = self._controls.get(device)
        if entry is not None:
            entry[0].choose(chosen)

    def _on_demand(self, device: str) -> None:
        entry = self._controls.get(device)
        if entry is not None:
            entry[0].wake.set()


class CameraControl:
    """Asks one camera, from its introduction until it leaves."""

    def __init__(
        self,
        hub: Hub,
        camera: Camera,
        declared: Mapping[str, Any],
        settings: CameraSettings,
        deadline_s: float,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        # What the board was last asked for and agreed to; None before that, and after it refused.
        self.agreed: StreamParams | None = None
        # Of the last probe that was answered; None before that.
        self.round_trip_s: float | None = None
        # Set when the requests of viewers changed.
        self.wake = asyncio.Event()
        # Why the board refused what it was last asked for; "" if it did not.
        self.refusal = ""
        # With the defaults of this board.
        self.settings = resolve_defaults(settings, declared)
        self._of_all = settings
        self._hub = hub
        self._camera = camera
        # The arguments of its command `stream`, in the form of protocol.json.
        self._declared = declared
        self._deadline_s = deadline_s
        self._monotonic_s = monotonic_s
        self._rate_control = RateControl()
        self._is_watched = False
        # All times are monotonic seconds. The camera counts as idle from here on, if it is not watched.
        self._idle_s = 0.0
        # The period that is being measured: its end, its start, and the camera's count of frames at its start.
        self._period_end_s = self._period_start_s = monotonic_s()
        self._frames_before = 0
        self._asked_s = -_ASK_EVERY_S
        self._probed_s = monotonic_s()
        # Probes without an answer in a row.
        self._unanswered_probes = 0
        # How long to wait after the next refusal; doubled by each.
        self._retry_s = _RETRY_S

    def choose(self, chosen: ViewerRequest) -> None:
        """Takes what a person chose for this camera: the default of its viewers from now on."""
        self.settings = resolve_defaults(self._of_all, self._declared, chosen)
        self.wake.set()

    @property
    def state(self) -> ControlState:
        """Whether the board agreed to the size and the quality that are wanted."""
        if self.refusal:
            return "refused"
        wanted, agreed = merge(self._camera.requests, self.settings), self.agreed
        has_agreed = agreed is not None and (agreed.size, agreed.quality) == (wanted.size, wanted.quality)
        return "agreed" if has_agreed else "pending"

    async def run(self) -> None:
        """Acts whenever the requests change or a period is over."""
        round_trip_s = await self._probe()
        if round_trip_s is not None:
            self._rate_control.calibrate(round_trip_s)
        while True:
            self.wake.clear()
            wait_s = await self._act()
            try:
                async with asyncio.timeout(wait_s):
                    await self.wake.wait()
            except TimeoutError:
                continue

    async def _act(self) -> float | None:
        """Does what is due, and returns the seconds until the next time; None waits for a change of requests."""
        requests, now_s = self._camera.requests, self._monotonic_s()
        if requests:
            self._is_watched = True
        elif self._is_watched:
            self._is_watched, self._idle_s = False, now_s + IDLE_AFTER_S
        if now_s < self._idle_s and not requests:
            return self._idle_s - now_s
        if now_s < self._asked_s + _ASK_EVERY_S:
            return self._asked_s + _ASK_EVERY_S - now_s
        if requests and self.agreed is not None and now_s >= self._period_end_s:
            await self._measure(self.agreed.fps)
        if not await self._ask(self._wanted()):
            self._retry_s = min(2 * self._retry_s, _RETRY_S_MAX)
            return self._retry_s
        self._retry_s = _RETRY_S
        return max(self._period_end_s - self._monotonic_s(), 0.01) if requests else None

    def _wanted(self) -> StreamParams:
        """Returns what to ask for now; the rate of a watched camera is limited by its link."""
        requests = self._camera.requests
        params = merge(requests, self.settings)
        if not requests:
            return params
        self._rate_control.clear_limit_above(params.fps)
        return replace(params, fps=round(min(params.fps, self._rate_control.limit_fps), 2))

    async def _ask(self, wanted: StreamParams) -> bool:
        """Asks for this unless the board agreed to it before; returns whether it agrees."""
        if wanted == self.agreed:
            return True
        device, self._asked_s = self._camera.device, self._monotonic_s()
        args = clamp_to(wanted, self._declared)
        try:
            await self._hub.command(device, STREAM, args, self._deadline_s)
        except CommandError as error:
            log.info("= %s does not stream as asked: %s", device, error)
            self.agreed, self.refusal = None, str(error)
            return False
        self.agreed, self.refusal = wanted, ""
        self._camera.release_waiting()
        self._start_period()
        return True

    # Measuring the link

    def _start_period(self) -> None:
        self._period_start_s = self._monotonic_s()
        self._frames_before = self._camera.frames
        fps = self.agreed.fps if self.agreed else 0.0
        # A rate needs some frames to be measured.
        self._period_end_s = self._period_start_s + max(MEASURE_EVERY_S, _FRAMES_PER_PERIOD / fps if fps else 0.0)

    async def _measure(self, asked_fps: float) -> None:
        """Measures the rate of arriving frames; if it is low, or from time to time, the round trip as well."""
        now_s = self._monotonic_s()
        arrived_fps = (self._camera.frames - self._frames_before) / max(now_s - self._period_start_s, 0.001)
        is_well = arrived_fps >= asked_fps * _ARRIVED_SHARE and self._rate_control.limit_fps == math.inf
        if not is_well or now_s >= self._probed_s + PROBE_EVERY_S:
            self._probed_s = now_s
            self._rate_control.measure(asked_fps, arrived_fps, await self._probe())
        self._start_period()

    async def _probe(self) -> float | None:
        """Returns the round trip of a command: infinity if it is too long, None if the board never answered one."""
        if self._unanswered_probes >= _UNANSWERED_PROBES_MAX and self.round_trip_s is None:
            return None
        start_s = self._monotonic_s()
        try:
            await self._hub.command(self._camera.device, PROBE, {}, _PROBE_DEADLINE_S)
        except TimedOutError:
            self._unanswered_probes += 1
            return None if self.round_trip_s is None else math.inf
        except CommandError:
            # A refusal is an answer, too; if the device left, this task is being cancelled.
            pass
        self._unanswered_probes = 0
        self.round_trip_s = self._monotonic_s() - start_s
        return self.round_trip_s
