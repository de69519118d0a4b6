"""The last frames of each camera on disk: a ring that its owner may switch on."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
from collections import deque
from pathlib import Path
from urllib.parse import quote

from darvaz.gateway.frames import Frame, Frames
from darvaz.gateway.settings import Settings
from darvaz.gateway.storage.background_writer import BackgroundWriter

log = logging.getLogger("darvaz.camera")

# Frames that wait for the disk, of all cameras: beyond it they are not kept.
PENDING_MAX = 32
# In the data folder.
FRAMES_FOLDER = "frames"
_NAME_CHARS_MAX = 100
_SUFFIX = ".jpg"


class FrameRing:
    """Keeps a frame every so often, and of each camera the latest; they are written in the background.

    At most `PENDING_MAX` frames wait; beyond that the newest are not kept. Of those that the disk does not take, the
    newest of each camera is tried again.
    """

    def __init__(self, folder: Path, frames_max: int, every_s: float) -> None:
        self._folder = folder
        self._frames_max = frames_max
        self._every_s = every_s
        # Device → monotonic seconds from which its next frame is kept. The event loop's.
        self._due_s: dict[str, float] = {}
        # Device and frame, or None for a device that was forgotten, in order. The event loop appends, the writer takes.
        self._pending: deque[tuple[str, Frame | None]] = deque()
        # Device → its newest frame that the disk did not take, or None for files that it did not delete. The writer's.
        self._failed: dict[str, Frame | None] = {}
        # Device → the files that are there, the oldest first. The writer's.
        self._kept: dict[str, deque[Path]] = {}
        # Since the start: the event loop counts the first two, the writer those that it wrote or gave up.
        self._accepted = self._rejected = 0
        self._written = self._given_up = 0
        self.writer = BackgroundWriter(
            "ring of frames",
            write=self._write,
            position=lambda: self._accepted,
            lost=lambda: self._rejected + self._given_up,
            write_gap=_log_gap,
        )
        self.writer.start()

    def keep(self, device: str, frame: Frame) -> None:
        """Has a frame written, if one is due and the disk keeps up."""
        if frame.arrived_s < self._due_s.get(device, 0.0):
            return
        if self._accepted - self._written - self._given_up >= PENDING_MAX:
            self._rejected += 1
            return
        self._due_s[device] = frame.arrived_s + self._every_s
        self._accepted += 1
        self._pending.append((device, frame))
        self.writer.wake()

    def forget(self, device: str) -> int:
        """Has all frames of a camera deleted; returns the position at which the writer has done it."""
        self._due_s.pop(device, None)
        self._accepted += 1
        self._pending.append((device, None))
        self.writer.wake()
        return self._accepted

    def times_ms(self, device: str) -> list[int]:
        """Returns when the frames that are kept came, the oldest first; it reads the disk."""
        return sorted(int(path.stem) for path in self._files(device))

    def path(self, device: str, time_ms: int) -> Path:
        """Returns the file of one frame, which may be gone."""
        return self._home(device) / f"{time_ms}{_SUFFIX}"

    def close(self, timeout_s: float = 3.0) -> bool:
        """Writes what waits; says whether all of it was written in time."""
        return self.writer.close(timeout_s)

    # The writer's thread

    def _write(self) -> int:
        """Writes the frames that failed before and those that wait; returns how many are written or given up."""
        frames = [*self._failed.items(), *(self._pending.popleft() for _ in range(len(self._pending)))]
        self._failed.clear()
        first_error: OSError | None = None
        for device, frame in frames:
            try:
                if frame is None:
                    self._failed.pop(device, None)
                    self._delete(device)
                else:
                    self._write_file(device, frame)
                self._written += 1
            except OSError as error:
                first_error = first_error or error
                self._given_up += device in self._failed
                self._failed[device] = frame
        if first_error is not None:
            raise first_error
        return self._written + self._given_up

    def _write_file(self, device: str, frame: Frame) -> None:
        kept = self._kept_of(device)
        path = self.path(device, int(frame.unix_s * 1000))
        partial = path.with_suffix(".part")
        partial.write_bytes(frame.data)
        os.replace(partial, path)
        kept.append(path)
        while len(kept) > self._frames_max:
            kept.popleft().unlink(missing_ok=True)

    def _delete(self, device: str) -> None:
        """Deletes the folder of a camera."""
        self._kept.pop(device, None)
        delete_frames(self._folder, device)

    def _kept_of(self, device: str) -> deque[Path]:
        """Returns what is there of a camera, also from before the last start."""
        kept = self._kept.get(device)
        if kept is None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Of an earlier version, which left it to the umask; also where the data folder is not private.
            self._folder.chmod(0o700)
            self._home(device).mkdir(exist_ok=True)
            found = sorted(self._files(device), key=lambda path: int(path.stem))
            kept = self._kept[device] = deque(found)
        return kept

    def _files(self, device: str) -> list[Path]:
        return [path for path in self._home(device).glob(f"*{_SUFFIX}") if path.stem.isdecimal()]

    def _home(self, device: str) -> Path:
        return _home(self._folder, device)


def delete_frames(folder: Path, device: str) -> None:
    """Deletes all kept frames of a camera; raises `OSError`."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(_home(folder, device))


def _home(folder: Path, device: str) -> Path:
    """Returns a camera's folder, whose name is its id in characters that every file system takes."""
    name = quote(device, safe="")
    # A folder of one or two dots would be another one.
    if len(name) > _NAME_CHARS_MAX or not name.strip("."):
        name = f"{name[:_NAME_CHARS_MAX]}-{hashlib.sha256(device.encode()).hexdigest()[:16]}"
    return folder / name


def _log_gap(frames: int) -> None:
    log.warning("= %d frames were not kept: the disk could not keep up", frames)


def kept_frames(settings: Settings, frames: Frames) -> FrameRing | None:
    """Returns the ring of the settings, which keeps what comes; None if they ask for none."""
    if not settings.camera_ring_frames:
        return None
    folder = settings.data_path / FRAMES_FOLDER
    ring = FrameRing(folder, settings.camera_ring_frames, settings.camera_ring_every_s)
    frames.on_frame(ring.keep)
    return ring
