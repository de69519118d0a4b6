"""What cameras sent, for the journal: one line a minute and camera, for there are too many frames for a line each."""

from __future__ import annotations

import asyncio

from darvaz.gateway.devices.registry import Devices
from darvaz.gateway.frames import Camera, Frames
from darvaz.gateway.journal.writer import Journal

EVERY_S = 60.0


class FrameCounts:
    """Counts the frames of all cameras into the journal."""

    def __init__(self, frames: Frames, devices: Devices, journal: Journal) -> None:
        self._frames = frames
        self._devices = devices
        self._journal = journal
        self._noted: dict[str, tuple[int, int]] = {}
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begins to count."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="tally")

    def close(self) -> None:
        """Notes what came since the last line, and ends."""
        if self._task is not None:
            self._task.cancel()
        self.note()

    def note(self) -> None:
        """Writes a line for each camera that has sent something since its last one."""
        for camera in self._frames.cameras:
            before = self._noted.get(camera.device, (0, 0))
            if camera.frames > before[0]:
                self._note(camera, camera.frames - before[0], camera.bytes - before[1])
                self._noted[camera.device] = (camera.frames, camera.bytes)

    def _note(self, camera: Camera, frames: int, size_bytes: int) -> None:
        known = self._devices.get(camera.device)
        kind, address = (known.kind, known.address) if known else (None, "")
        said = f"{frames} frame{'s' if frames > 1 else ''}, {size_bytes} bytes"
        self._journal.record(camera.device, kind, address, "<", "frames", said)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            self.note()
