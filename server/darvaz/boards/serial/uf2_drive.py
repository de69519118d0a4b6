"""The drive that a Pico shows in its bootloader: finds it, and copies an image to it."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from darvaz.boards.serial.errors import Reason, SerialError

_INFO = "INFO_UF2.TXT"
_INFO_CHARS_MAX = 4096
_CHIPS = {"RPI-RP2": "RP2040", "RP2350": "RP2350"}
_LABELS = tuple(_CHIPS)
_PIECE_BYTES = 64 * 1024
_POLL_S = 0.2
_LEAVE_S = 30.0

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Drive:
    """A mounted drive of a Pico's bootloader, and the chip that its INFO_UF2.TXT names."""

    folder: Path
    chip: str

    def is_there(self) -> bool:
        """Whether the drive is still mounted."""
        return (self.folder / _INFO).exists()


def open_drive(folder: Path) -> Drive:
    """Returns the drive at a folder; raises SerialError if it is not a Pico's."""
    try:
        info = (folder / _INFO).read_text(encoding="ascii", errors="replace")[:_INFO_CHARS_MAX]
    except OSError:
        raise SerialError(
            Reason.NO_BOARD, f"{folder} is not a Pico's drive (no {_INFO}): hold BOOTSEL while plugging the board in"
        ) from None
    board = next((line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("Board-ID:")), "")
    if board not in _CHIPS:
        raise SerialError(
            Reason.WRONG_IMAGE, f"{folder} is the drive of another board ({board or 'unnamed'}), not a Pico's"
        )
    return Drive(folder, _CHIPS[board])


def find_drives(folders: Iterable[Path] | None = None) -> list[Drive]:
    """Returns the mounted drives of Picos in their bootloader."""
    drives = []
    for folder in _mounted() if folders is None else folders:
        if (folder / _INFO).is_file():
            with contextlib.suppress(SerialError):
                drives.append(open_drive(folder))
    return drives


def unmounted_device() -> Path | None:
    """Returns the device of a Pico's drive on Linux, mounted or not."""
    devices = (Path("/dev/disk/by-label", label) for label in _LABELS)
    return next((device for device in devices if device.exists()), None)


def await_drive(deadline_s: float) -> Drive | None:
    """Waits for a drive to be mounted."""
    give_up_s = time.monotonic() + deadline_s
    while True:
        if drives := find_drives():
            return drives[0]
        if time.monotonic() > give_up_s:
            return None
        time.sleep(_POLL_S)


def copy_image(drive: Drive, data: bytes, progress: Progress | None = None, leave_s: float = _LEAVE_S) -> None:
    """Copies an image; after the last block the board restarts and its drive vanishes. Raises SerialError."""
    target = drive.folder / "firmware.uf2"
    done_bytes = 0
    try:
        with target.open("wb") as file:
            for at in range(0, len(data), _PIECE_BYTES):
                done_bytes += file.write(data[at : at + _PIECE_BYTES])
                file.flush()
                os.fsync(file.fileno())
                if progress is not None:
                    progress(done_bytes, len(data))
    except OSError as error:
        # The board restarts with the last block, before the system has its confirmation.
        if done_bytes < len(data) and drive.is_there():
            raise _copy_failed(drive, str(error.strerror or error)) from None
    except BaseException:
        with contextlib.suppress(OSError):
            target.unlink()
        raise
    _wait_until_gone(drive, leave_s)


def _wait_until_gone(drive: Drive, leave_s: float) -> None:
    give_up_s = time.monotonic() + leave_s
    while drive.is_there():
        if time.monotonic() > give_up_s:
            raise _copy_failed(drive, "the board did not restart")
        time.sleep(_POLL_S)


def _copy_failed(drive: Drive, why: str) -> SerialError:
    return SerialError(
        Reason.DAMAGED,
        f"the image did not get onto the board at {drive.folder} ({why}): unplug it, hold BOOTSEL while plugging it in,"
        " and run this again",
    )


def _mounted() -> Iterator[Path]:
    if sys.platform == "darwin":
        yield from (Path("/Volumes", label) for label in _LABELS)
    elif os.name == "nt":
        yield from (Path(f"{letter}:/") for letter in "DEFGHIJKLMNOPQRSTUVWXYZ")
    else:
        with contextlib.suppress(OSError):
            for line in Path("/proc/mounts").read_text(encoding="utf-8", errors="replace").splitlines():
                device, folder, system = (*line.split(" "), "", "")[:3]
                if system == "vfat" and device.startswith("/dev/"):
                    yield Path(folder.encode().decode("unicode_escape"))
