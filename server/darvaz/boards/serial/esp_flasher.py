"""Writes an image to an ESP32 with Espressif's esptool, in a process of its own."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

from darvaz.boards.serial.errors import Reason, SerialError
from darvaz.text.extras import how_to_install

BAUD = 460800
# Where the second stage bootloader of the ESP32 begins; its successors have it at 0 (ESP-IDF, "Bootloader").
_ADDRESS = "0x1000"
_WRITE_DEADLINE_S = 900.0
_CHECK_DEADLINE_S = 60.0
_STANDARD_ERROR = 2


def require_esptool() -> None:
    """Raises SerialError if the tool is not installed."""
    if importlib.util.find_spec("esptool") is None:
        raise SerialError(Reason.NO_FILE, f"an ESP32 needs esptool: {how_to_install('flash')}")


def check_with_esptool(file: Path) -> None:
    """Checks an image's own checksums with the tool; raises SerialError."""
    words = [*_command(), "image-info", str(file)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, errors="replace", timeout=_CHECK_DEADLINE_S)
    except subprocess.TimeoutExpired:
        raise SerialError(
            Reason.SILENT, f"esptool did not check {file.name} within {_CHECK_DEADLINE_S:.0f} s: run this again"
        ) from None
    if done.returncode or "(invalid" in done.stdout:
        raise SerialError(Reason.DAMAGED, f"{file.name} is damaged: its checksum is wrong; download it again")


def write_with_esptool(port: str, file: Path, *, baud: int = BAUD, erases: bool = False) -> None:
    """Writes an image, with the tool's output on standard error; raises SerialError."""
    if erases:
        _run(port, baud, "erase-flash")
    _run(port, baud, "write-flash", _ADDRESS, str(file))


def _run(port: str, baud: int, *words: str) -> None:
    command = [*_command(), "--port", port, "--baud", str(baud), *words]
    try:
        # Standard output is for the result, which may be JSON.
        done = subprocess.run(command, stdout=_STANDARD_ERROR, timeout=_WRITE_DEADLINE_S)
    except subprocess.TimeoutExpired:
        raise _failed(port) from None
    if done.returncode:
        raise _failed(port)


def _command() -> list[str]:
    return [sys.executable, "-m", "esptool", "--chip", "esp32"]


def _failed(port: str) -> SerialError:
    return SerialError(
        Reason.SILENT,
        f"esptool could not write to the chip at {port} (its own message is above): without a programmer that does it,"
        " connect IO0 to GND and press RST first; then run this again, perhaps with --baud 115200",
    )
