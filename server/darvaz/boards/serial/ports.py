"""Finds boards on USB: lists the attached ones, and turns the value of PORT= into one port."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from serial.tools import list_ports

from darvaz.boards.serial.errors import Reason, SerialError

AUTO = "auto"
_ID = "id:"
_WINDOWS_NAME = re.compile(r"COM\d+", re.IGNORECASE)
_RASPBERRY_PI_VID = 0x2E8A
# USB vendors of boards and their programmers (https://usb-ids.gowdy.us). A device of another vendor, such as a modem or
# a printer, is sent Ctrl-C only if its port is named.
_MAKERS = {
    _RASPBERRY_PI_VID: "Raspberry Pi",
    0x303A: "Espressif",
    0x10C4: "Silicon Labs CP210x",
    0x1A86: "WCH CH340",
    0x0403: "FTDI",
    0x067B: "Prolific",
    0xF055: "MicroPython",
}
# Chips with USB of their own: they have no reset lines, and their port vanishes during a reset.
_NATIVE_VIDS = frozenset({_RASPBERRY_PI_VID, 0x303A, 0xF055})
# Parts of their ports' names, for systems without the vendor.
_NATIVE_NAMES = ("ttyACM", "usbmodem")


class Listed(Protocol):
    """A port as pyserial lists it."""

    device: str
    vid: int | None
    pid: int | None
    serial_number: str | None
    description: str | None


@dataclass(frozen=True, slots=True)
class Port:
    """A serial port; `vid` is None for one that was named and is not on USB.

    `link` is the symbolic link that was named, if there is one.
    """

    path: str
    vid: int | None = None
    pid: int | None = None
    serial_number: str | None = None
    description: str = ""
    link: str = ""

    @property
    def is_native_usb(self) -> bool:
        """Whether the board itself is on USB, without a programmer."""
        if self.vid is None:
            return any(name in self.path for name in _NATIVE_NAMES)
        return self.vid in _NATIVE_VIDS

    @property
    def is_programmer(self) -> bool:
        """Whether the board is behind a USB-to-serial chip, whose lines may hold it in reset."""
        return self.vid in _MAKERS and not self.is_native_usb

    @property
    def is_pseudo_terminal(self) -> bool:
        """Whether a program, such as a virtual board, is at the other end."""
        return self.path.startswith("/dev/pts/")

    @property
    def maker(self) -> str:
        """The vendor of the USB chip, or an empty text."""
        return _MAKERS.get(self.vid or 0, "")

    def __str__(self) -> str:
        about = ", ".join(part for part in (self.maker, self.serial_number and _ID + self.serial_number) if part)
        return f"{self.path} ({about})" if about else self.path


def list_boards(listed: Iterable[Listed] | None = None) -> list[Port]:
    """Returns the ports on USB that may be a board or a programmer, by path."""
    return [port for port in _all_on_usb(listed) if port.vid in _MAKERS]


def find_port(wanted: str = AUTO, listed: Iterable[Listed] | None = None) -> Port:
    """Returns the port for `auto`, a path, `COM3` or `id:<serial number>`; raises SerialError."""
    on_usb = _all_on_usb(listed)
    if not wanted or wanted == AUTO:
        return _only_one([port for port in on_usb if port.vid in _MAKERS])
    if wanted.startswith(_ID):
        return _by_serial_number(wanted.removeprefix(_ID), on_usb)
    return _by_path(wanted, on_usb)


def find_again(port: Port) -> Port | None:
    """Returns the port of a board that was at `port` before it was reset or replugged; None while it is away."""
    if port.serial_number:
        number = port.serial_number
        return next((found for found in _all_on_usb(None) if found.serial_number == number), None)
    if port.link:
        port = replace(port, path=os.path.realpath(port.link))
    return port if os.name == "nt" or Path(port.path).exists() else None


def _all_on_usb(listed: Iterable[Listed] | None) -> list[Port]:
    found = list_ports.comports() if listed is None else listed
    ports = [
        Port(port.device, port.vid, port.pid, port.serial_number or None, port.description or "")
        for port in found
        if port.vid is not None
    ]
    return sorted(ports, key=lambda port: port.path)


def _only_one(boards: list[Port]) -> Port:
    if len(boards) == 1:
        return boards[0]
    if not boards:
        raise SerialError(
            Reason.NO_BOARD,
            "no board is attached: plug it in with a USB cable for data (many only charge),"
            " or name its port: PORT=/dev/ttyUSB0",
        )
    choices = "; ".join(str(port) for port in boards)
    raise SerialError(
        Reason.SEVERAL_BOARDS,
        f"{len(boards)} boards are attached: {choices}. Say which one: PORT={_choice(boards[0])}",
    )


def _choice(port: Port) -> str:
    return _ID + port.serial_number if port.serial_number else port.path


def _by_serial_number(number: str, on_usb: list[Port]) -> Port:
    for port in on_usb:
        if port.serial_number and port.serial_number.lower() == number.lower():
            return port
    seen = ", ".join(port.serial_number for port in on_usb if port.serial_number) or "none"
    raise SerialError(
        Reason.NO_BOARD, f"no board with the serial number {number} is attached; attached are: {seen}. Check the cable"
    )


def _by_path(path: str, on_usb: list[Port]) -> Port:
    if os.name == "nt" or _WINDOWS_NAME.fullmatch(path):
        known = next((port for port in on_usb if port.path.upper() == path.upper()), None)
        if known is None and os.name != "nt":
            raise SerialError(Reason.NO_PORT, f"{path} is a port of Windows; here they are called /dev/…")
        return known or Port(path)
    # The real path, so that links below /dev/serial work, and mpremote recognises a pseudo-terminal.
    real = os.path.realpath(path)
    if not Path(real).is_char_device():
        there = ", ".join(port.path for port in on_usb if port.vid in _MAKERS) or "none"
        raise SerialError(
            Reason.NO_PORT, f"there is no serial port {path}; attached boards: {there}. Plug it in, or use PORT=auto"
        )
    found = next((port for port in on_usb if port.path == real), Port(real))
    return replace(found, link=path) if Path(path).is_symlink() else found
