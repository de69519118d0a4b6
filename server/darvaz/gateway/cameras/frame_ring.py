"""The last frames of each camera on disk: a ring that its owner may switch on."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

from darvaz.gateway.frames import Frame

# Frames that wait for the disk, of all cameras: beyond it they are not kept.
PENDING_MAX = 32
_NAME_CHARS_MAX = 100
_SUFFIX = ".jpg"


class FrameRing:
    """Keeps a frame every so often, and of each camera the latest; one thread writes, the event loop never waits.

    `report` is told a sentence at the first failure in a row.
    """

    def __init__(self, folder: Path, frames_max: int, every_s: float, report: Callable[[str], None]) -> None:
        self._folder = folder
        self._frames_max = frames_max
        self._every_s = every_s
        self._report = report
        self._due_s: dict[str, float] = {}
        self._kept: dict[str, deque[Path]] = {}
        self._pending = threading.BoundedSemaphore(PENDING_MAX)
        self._has_failed = False
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="frame-ring")

    def keep(self, device: str, frame: Frame) -> None:
        """Has a frame written, if one is due and the disk keeps up."""
        if frame.arrived_s < self._due_s.get(device, 0.0) or not self._pending.acquire(blocking=False):
            return
        self._due_s[device] = frame.arrived_s + self._every_s
        self._writer.submit(self._write, device, frame)

    def times_ms(self, device: str) -> list[int]:
        """Returns when the frames that are kept came, the oldest first; it reads the disk."""
        return sorted(int(path.stem) for path in self._files(device))

    def path(self, device: str, time_ms: int) -> Path:
        """Returns the file of one frame, which may be gone."""
        return self._home(device) / f"{time_ms}{_SUFFIX}"

    def close(self) -> None:
        """Waits until everything is written."""
        self._writer.shutdown()

    # In the thread

    def _write(self, device: str, frame: Frame) -> None:
        try:
            kept = self._kept_of(device)
            path = self.path(device, int(frame.unix_s * 1000))
            partial = path.with_suffix(".part")
            partial.write_bytes(frame.data)
            os.replace(partial, path)
            kept.append(path)
            while len(kept) > self._frames_max:
                kept.popleft().unlink(missing_ok=True)
            self._has_failed = False
        except OSError as error:
            if not self._has_failed:
                self._report(f"frames cannot be kept in {self._folder}: {error}")
            self._has_failed = True
        finally:
            self._pending.release()

    def _kept_of(self, device: str) -> deque[Path]:
        """Returns what is there of a camera, also from before the last start."""
        kept = self._kept.get(device)
        if kept is None:
            self._home(device).mkdir(parents=True, exist_ok=True)
            found = sorted(self._files(device), key=lambda path: int(path.stem))
            kept = self._kept[device] = deque(found)
        return kept

    def _files(self, device: str) -> list[Path]:
        return [path for path in self._home(device).glob(f"*{_SUFFIX}") if path.stem.isdecimal()]

    def _home(self, device: str) -> Path:
        """Returns a camera's folder: its id, as far as file systems bear it."""
        name = quote(device, safe="")
        if len(name) > _NAME_CHARS_MAX:
            name = f"{name[:_NAME_CHARS_MAX]}-{hashlib.sha256(device.encode()).hexdigest()[:16]}"
        return self._folder / name
