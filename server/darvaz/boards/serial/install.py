"""Installs MicroPython on a board: finds the board, loads its image, writes it, and identifies the board after it."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from darvaz.boards.serial import uf2_drive
from darvaz.boards.serial.downloads import RELEASES, Progress, Release, download, unpack
from darvaz.boards.serial.errors import Reason, SerialError
from darvaz.boards.serial.esp_flasher import BAUD, check_with_esptool, require_esptool, write_with_esptool
from darvaz.boards.serial.identity import Identity, identify
from darvaz.boards.serial.images import Image, check_image, read_image
from darvaz.boards.serial.ports import Port, find_port, list_boards
from darvaz.boards.serial.prompt import Prompt
from darvaz.boards.serial.serial_port import open_serial_port
from darvaz.boards.serial.uf2_drive import Drive

KINDS = ("pico", "esp32cam")
DRIVE_S = 60.0
BACK_S = 20.0
_RETRY_S = 0.5
_BOOTLOADER = "import machine, time\ntime.sleep_ms(100)\nmachine.bootloader()"
_PICO_2 = "Pico 2"

Notify = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class InstallTarget:
    """The board to write to, at a port or on a drive."""

    kind: str
    chip: str
    port: Port | None = None
    drive: Drive | None = None

    @property
    def release(self) -> Release:
        """The image for this board."""
        if self.kind == "esp32cam":
            return RELEASES["esp32cam"]
        return RELEASES["pico_2_w" if self.chip == "RP2350" else "pico_w"]

    def __str__(self) -> str:
        return str(self.drive.folder if self.drive is not None else self.port)


def find_target(
    kind: str | None, wanted: str, folder: Path | None, notify: Notify, wait_s: float = DRIVE_S
) -> InstallTarget:
    """Returns the board to write to; waits for a Pico to be plugged in with BOOTSEL held. Raises SerialError."""
    if folder is not None:
        return _on_drive(kind, uf2_drive.open_drive(folder))
    drives = uf2_drive.find_drives() if kind != "esp32cam" and wanted == "auto" else []
    if len(drives) > 1:
        where = ", ".join(str(drive.folder) for drive in drives)
        raise SerialError(
            Reason.SEVERAL_BOARDS, f"{len(drives)} Picos show a drive: {where}. Say which one with --drive"
        )
    if drives:
        return _on_drive(kind, drives[0])
    try:
        port = find_port(wanted)
    except SerialError as error:
        if kind != "pico" or error.reason is not Reason.NO_BOARD:
            raise
        return _on_drive(kind, _wait_for_drive(notify, wait_s))
    kind = kind or ("pico" if port.is_native_usb else "esp32cam")
    if kind == "esp32cam":
        if port.is_native_usb:
            raise SerialError(Reason.WRONG_IMAGE, f"{port} is not an ESP32-CAM: those have a programmer in between")
        return InstallTarget(kind, "ESP32", port)
    return _at_prompt(port)


def load_image(
    target: InstallTarget, file: Path | None, url: str | None, notify: Notify, progress: Progress | None
) -> Image:
    """Returns the image for a board, from a file or downloaded, and notifies of its checksum; raises SerialError."""
    if file is not None:
        image = read_image(file.name, unpack(file.name, file.read_bytes()))
        notify(f"{image}; SHA-256 {image.sha256}")
        return image
    downloaded = download(Release(url) if url else target.release, progress)
    image = read_image(downloaded.name, downloaded.data)
    origin = "as published" if downloaded.is_checked else "not known beforehand: compare it"
    notify(f"{image}; SHA-256 {downloaded.sha256} ({origin})")
    return image


def install(
    target: InstallTarget, image: Image, notify: Notify, *, progress: Progress, baud: int = BAUD, erases: bool = False
) -> None:
    """Writes an image that was checked for this board; raises SerialError."""
    check_image(image, target.chip)
    if target.kind == "esp32cam":
        assert target.port is not None
        with tempfile.TemporaryDirectory(prefix="darvaz-firmware-") as folder:
            file = Path(folder) / "firmware.bin"
            file.write_bytes(image.data)
            write_with_esptool(target.port.path, file, baud=baud, erases=erases)
        return
    drive = target.drive
    if drive is None:
        assert target.port is not None
        _enter_bootloader(target.port)
        drive = _wait_for_drive(notify, DRIVE_S)
    # A Pico in its bootloader says which chip it has.
    check_image(image, drive.chip)
    uf2_drive.copy_image(drive, image.data, progress)


def check_file(image: Image) -> None:
    """Checks an image for an ESP32 with Espressif's tool, which wants a file; raises SerialError."""
    require_esptool()
    with tempfile.TemporaryDirectory(prefix="darvaz-firmware-") as folder:
        file = Path(folder) / "firmware.bin"
        file.write_bytes(image.data)
        check_with_esptool(file)


def check_port(port: Port) -> None:
    """Opens a port and closes it, as our errors say more about it than those of other tools."""
    open_serial_port(port).close()


def identify_after(target: InstallTarget, wait_s: float = BACK_S) -> Identity | None:
    """Returns what the board is after it was written to; None if it did not return in time."""
    give_up_s = time.monotonic() + wait_s
    while time.monotonic() < give_up_s:
        port = target.port or next((found for found in list_boards() if found.is_native_usb), None)
        if port is not None:
            with contextlib.suppress(SerialError), Prompt.open(port) as prompt:
                return identify(prompt)
        time.sleep(_RETRY_S)
    return None


def _on_drive(kind: str | None, drive: Drive) -> InstallTarget:
    if kind == "esp32cam":
        raise SerialError(
            Reason.WRONG_IMAGE, f"{drive.folder} is a Pico's drive: an ESP32-CAM is written to at its port"
        )
    return InstallTarget("pico", drive.chip, drive=drive)


def _at_prompt(port: Port) -> InstallTarget:
    try:
        with Prompt.open(port, resets=False) as prompt:
            machine = identify(prompt).machine
            if prompt.was_running:
                prompt.hard_reset()
    except SerialError as error:
        if error.reason is not Reason.NO_PROMPT:
            raise
        raise SerialError(
            Reason.NO_PROMPT,
            f"the board at {port.path} gives no prompt: unplug it, hold BOOTSEL while plugging it in, then try again",
        ) from None
    # Only the chip matters: a Pico W may have the image of a Pico without Wi-Fi now.
    return InstallTarget("pico", "RP2350" if _PICO_2 in machine else "RP2040", port)


def _enter_bootloader(port: Port) -> None:
    with Prompt.open(port, resets=False) as prompt:
        prompt.start(_BOOTLOADER)


def _wait_for_drive(notify: Notify, wait_s: float) -> Drive:
    notify(f"waiting for the drive RPI-RP2 or RP2350 ({wait_s:.0f} s): hold BOOTSEL while plugging the board in")
    if drive := uf2_drive.await_drive(wait_s):
        return drive
    device = uf2_drive.unmounted_device()
    if device is not None:
        raise SerialError(
            Reason.NO_BOARD,
            f"the board's drive {device} is not mounted: `sudo mount -o umask=0 {device} /mnt`, then run this again",
        )
    raise SerialError(
        Reason.NO_BOARD, "no Pico showed its drive: hold BOOTSEL while plugging it in, and run this again"
    )
