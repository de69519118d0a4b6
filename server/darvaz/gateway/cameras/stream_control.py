"""The director: asks each camera, while it is here, for what its viewers want now and its link can carry."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from darvaz.gateway.cameras.rate_control import RateControl
from darvaz.gateway.devices.errors import CommandError, TimedOutError
from darvaz.gateway.devices.hub import Hub
from darvaz.gateway.frames import Camera, CameraSettings, Frames, StreamParams, ViewerRequest
from darvaz.gateway.frames.demand import clamp_to, merge, resolve_defaults

log = logging.getLogger("darvaz.camera")

ASK = "stream"
PROBE = "info"
# A page that is loaded again, or a snapshot's second picture, need not stop and start the camera.
IDLE_AFTER_S = 0.6
# How often it is looked at what arrives of a watched camera, and how often it is asked for an answer while all is well.
LOOK_EVERY_S = 3.0
PROBE_EVERY_S = 15.0
_FRAMES_A_LOOK = 5
_ARRIVED_SHARE = 0.8
# Shorter than it takes to be idle again, for nothing is asked while a probe is out.
_PROBE_DEADLINE_S = 1.0
_PROBES_IN_VAIN_MAX = 3
_AGAIN_S = 2.0
_AGAIN_S_MAX = 30.0
# Viewers may change their minds as often as they like; boards are spared.
_ASK_EVERY_S = 0.4


class StreamController:
    """Keeps one task for each camera that is here and has declared `stream`; others send what they like."""

    def __init__(self, hub: Hub, frames: Frames, bounds: CameraSettings, command_deadline_s: float) -> None:
        self._hub = hub
        self._frames = frames
        self._bounds = bounds
        self._deadline_s = command_deadline_s
        self._takes: dict[str, tuple[CameraControl, asyncio.Task[None]]] = {}
        hub.on_presence(self._meet)
        frames.on_demand(self._nudge)

    def params_of(self, device: str) -> StreamParams | None:
        """Returns what a camera was asked for and agreed to, or None."""
        entry = self._takes.get(device)
        return entry[0].asked if entry else None

    def has_final_size(self, device: str, request: ViewerRequest) -> bool:
        """Whether this request leaves the size of frames as it is; always true for a camera that is not controlled."""
        entry = self._takes.get(device)
        if entry is None:
            return True
        wanted = merge([*self._frames.camera(device).requests, request], entry[0].bounds)
        return entry[0].asked is not None and entry[0].asked.size == wanted.size

    def round_trip_s(self, device: str) -> float | None:
        """Returns how long a watched camera last took to answer, or None."""
        entry = self._takes.get(device)
        return entry[0].round_trip_s if entry else None

    async def close(self) -> None:
        """Ends every task."""
        tasks = [task for _, task in self._takes.values()]
        self._takes.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _meet(self, device: str, is_here: bool) -> None:
        self._frames.forget(device)
        before = self._takes.pop(device, None)
        if before is not None:
            before[1].cancel()
        declared = (self._hub.commands_of(device) or {}).get(ASK)
        if is_here and declared is not None:
            take = CameraControl(self._hub, self._frames.camera(device), declared, self._bounds, self._deadline_s)
            task = asyncio.get_running_loop().create_task(take.run(), name=f"director {device}")
            self._takes[device] = (take, task)

    def _nudge(self, device: str) -> None:
        entry = self._takes.get(device)
        if entry is not None:
            entry[0].wake.set()


class CameraControl:
    """One camera from its coming to its leaving."""

    def __init__(
        self,
        hub: Hub,
        camera: Camera,
        declared: Mapping[str, Any],
        bounds: CameraSettings,
        deadline_s: float,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.asked: StreamParams | None = None
        self.round_trip_s: float | None = None
        self.wake = asyncio.Event()
        self._hub = hub
        self._camera = camera
        self.bounds = resolve_defaults(bounds, declared)
        self._declared = declared
        self._deadline_s = deadline_s
        self._monotonic_s = monotonic_s
        self._steering = RateControl()
        self._is_watched = False
        self._idle_s = 0.0
        self._look_s = self._since_s = monotonic_s()
        self._asked_s = -_ASK_EVERY_S
        self._frames_before = 0
        self._probed_s = monotonic_s()
        self._in_vain = 0
        self._again_s = _AGAIN_S

    async def run(self) -> None:
        """Acts whenever the demand changes or it is time to look at the link."""
        round_trip_s = await self._probe()
        if round_trip_s is not None:
            self._steering.calibrate(round_trip_s)
        while True:
            self.wake.clear()
            wait_s = await self._act()
            try:
                async with asyncio.timeout(wait_s):
                    await self.wake.wait()
            except TimeoutError:
                continue

    async def _act(self) -> float | None:
        """Does what is due and returns how long nothing is unless somebody wakes it."""
        requests, now_s = self._camera.requests, self._monotonic_s()
        if requests:
            self._is_watched = True
        elif self._is_watched:
            self._is_watched, self._idle_s = False, now_s + IDLE_AFTER_S
        if now_s < self._idle_s and not requests:
            return self._idle_s - now_s
        if now_s < self._asked_s + _ASK_EVERY_S:
            return self._asked_s + _ASK_EVERY_S - now_s
        if requests and self.asked is not None and now_s >= self._look_s:
            await self._look(self.asked.fps)
        if not await self._ask(self._wanted()):
            self._again_s = min(2 * self._again_s, _AGAIN_S_MAX)
            return self._again_s
        self._again_s = _AGAIN_S
        return max(self._look_s - self._monotonic_s(), 0.01) if requests else None

    def _wanted(self) -> StreamParams:
        """Returns what to ask for now: the link bounds the rate of a watched camera."""
        requests = self._camera.requests
        asked = merge(requests, self.bounds)
        if not requests:
            return asked
        self._steering.lift(asked.fps)
        return replace(asked, fps=round(min(asked.fps, self._steering.limit_fps), 2))

    async def _ask(self, wanted: StreamParams) -> bool:
        """Asks for it unless that was done; says whether the board agrees."""
        if wanted == self.asked:
            return True
        device, self._asked_s = self._camera.device, self._monotonic_s()
        args = clamp_to(wanted, self._declared)
        try:
            await self._hub.command(device, ASK, args, self._deadline_s)
        except CommandError as error:
            log.info("= %s does not stream as asked: %s", device, error)
            self.asked = None
            return False
        self.asked = wanted
        self._camera.release_waiting()
        self._start_look()
        return True

    # The link

    def _start_look(self) -> None:
        self._since_s = self._monotonic_s()
        self._frames_before = self._camera.frames
        fps = self.asked.fps if self.asked else 0.0
        # A rate is no rate before some frames could come.
        self._look_s = self._since_s + max(LOOK_EVERY_S, _FRAMES_A_LOOK / fps if fps else 0.0)

    async def _look(self, asked_fps: float) -> None:
        """Measures what arrives and, where that is too little or was not done for long, how soon an answer comes."""
        now_s = self._monotonic_s()
        arrived_fps = (self._camera.frames - self._frames_before) / max(now_s - self._since_s, 0.001)
        is_well = arrived_fps >= asked_fps * _ARRIVED_SHARE and self._steering.limit_fps == math.inf
        if not is_well or now_s >= self._probed_s + PROBE_EVERY_S:
            self._probed_s = now_s
            self._steering.look(asked_fps, arrived_fps, await self._probe())
        self._start_look()

    async def _probe(self) -> float | None:
        """Returns how long the board takes to answer: infinity for too long, None for one that never answers."""
        if self._in_vain >= _PROBES_IN_VAIN_MAX and self.round_trip_s is None:
            return None
        asked_s = self._monotonic_s()
        try:
            await self._hub.command(self._camera.device, PROBE, {}, _PROBE_DEADLINE_S)
        except TimedOutError:
            self._in_vain += 1
            return None if self.round_trip_s is None else math.inf
        except CommandError:
            # A refusal is an answer, too; one that left has none, and its task ends.
            pass
        self._in_vain = 0
        self.round_trip_s = self._monotonic_s() - asked_s
        return self.round_trip_s
