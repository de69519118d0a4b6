"""Single frames: the newest if it is new enough, else one that is asked for, shared by all who wait."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from darvaz.gateway.devices.errors import OfflineError, TimedOutError
from darvaz.gateway.devices.hub import Hub
from darvaz.gateway.frames import Frame, Frames

SNAPSHOT = "snapshot"
# A person takes this for the present; a camera that is watched has a newer frame anyway.
FRESH_S = 1.0


class Snapshots:
    """Takes snapshots; requests that come while one is taken share it."""

    def __init__(self, hub: Hub, frames: Frames, deadline_s: float) -> None:
        self._hub = hub
        self._frames = frames
        self._deadline_s = deadline_s
        # Device → the snapshot that is being taken.
        self._tasks: dict[str, asyncio.Task[Frame]] = {}

    async def take(self, device: str, age_s_max: float = FRESH_S) -> Frame:
        """Returns a frame of at most this age; raises a `CommandError` with the reason if there is none."""
        newest = self._frames.camera(device).newest
        is_elsewhere = not self._hub.is_here(device) and self._hub.is_online(device)
        if not is_elsewhere:
            return await self.take_here(device, age_s_max)
        if newest is not None and time.monotonic() - newest.arrived_s <= age_s_max:
            return newest
        data = await self._hub.elsewhere.snapshot(device, self._deadline_s)
        return Frame(data, 0, time.monotonic(), time.time())

    async def take_here(self, device: str, age_s_max: float = FRESH_S) -> Frame:
        """Does the same for a camera that is connected to this gateway, or raises `OfflineError`."""
        newest = self._frames.camera(device).newest
        commands = self._hub.commands_of(device)
        if commands is None:
            raise OfflineError(f"{device} is offline")
        if newest is not None and (time.monotonic() - newest.arrived_s <= age_s_max or SNAPSHOT not in commands):
            return newest
        return await asyncio.shield(self._task_of(device, SNAPSHOT in commands))

    async def close(self) -> None:
        """Ends the snapshots that are being taken."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _task_of(self, device: str, can_ask: bool) -> asyncio.Task[Frame]:
        task = self._tasks.get(device)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._take(device, can_ask), name=f"snapshot {device}")
            self._tasks[device] = task
            task.add_done_callback(lambda done: self._finish(device, done))
        return task

    def _finish(self, device: str, done: asyncio.Task[Frame]) -> None:
        del self._tasks[device]
        if not done.cancelled():
            # Read here, too: if all who waited have left, asyncio would log it as never retrieved.
            done.exception()

    async def _take(self, device: str, can_ask: bool) -> Frame:
        """Asks, and returns the first frame that comes; the acknowledgement only matters if the board refuses."""
        coming: asyncio.Future[Frame] = self._frames.camera(device).next_frame(self._deadline_s)
        asking = asyncio.ensure_future(self._ask(device)) if can_ask else None
        waiting: set[asyncio.Future[Any]] = {coming, asking} if asking else {coming}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if not coming.done() and asking is not None:
                asking.result()
            return await coming
        except TimeoutError:
            raise TimedOutError(f"{device} sent no frame within {self._deadline_s:g} s") from None
        finally:
            for future in waiting:
                future.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def _ask(self, device: str) -> None:
        await self._hub.command(device, SNAPSHOT, {}, self._deadline_s)
