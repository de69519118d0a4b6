"""What cameras sent, for the journal: one row per minute and camera, since a row per frame would be too many."""

from __future__ import annotations

import asyncio

from darvaz.gateway.devices.registry import Devices
from darvaz.gateway.frames import Camera, Frames
from darvaz.gateway.journal.writer import Journal

EVERY_S = 60.0


class FrameCounts:
    """Writes the number of frames of each camera into the journal."""

    def __init__(self, frames: Frames, devices: Devices, journal: Journal) -> None:
        self._frames = frames
        self._devices = devices
        self._journal = journal
        # Device → frames and bytes that are in the journal, since the start.
        self._recorded: dict[str, tuple[int, int]] = {}
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Starts to count."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="frame counts")

    def close(self) -> None:
        """Records what came since the last row, and stops."""
        if self._task is not None:
            self._task.cancel()
        self.record()

    def record(self) -> None:
        """Writes a row for each camera that has sent frames since its last one."""
        for camera in self._frames.cameras:
            before = self._recorded.get(camera.device, (0, 0))
            if camera.frames > before[0]:
                self._record(camera, camera.frames - before[0], camera.bytes - before[1])
                self._recorded[camera.device] = (camera.frames, camera.bytes)

    def _record(self, camera: Camera, frames: int, size_bytes: int) -> None:
        known = self._devices.get(camera.device)
        kind, address = (known.kind, known.address) if known else (None, "")
        payload = f"{frames} frame{'s' if frames > 1 else ''}, {size_bytes} bytes"
        self._journal.record(camera.device, kind, address, "<", "frames", payload)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            self.record()
