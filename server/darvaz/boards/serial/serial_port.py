"""A serial port that does not hold a board in reset when it is opened, with a deadline for each read and write."""

from __future__ import annotations

import errno
import os
import select
import struct
import time
from pathlib import Path

import serial

from darvaz.boards.serial.errors import Reason, SerialError
from darvaz.boards.serial.ports import Port, find_again

if os.name == "posix":
    import fcntl
    import termios

BAUD = 115200
READ_S = 2.0
WRITE_S = 10.0
REOPEN_S = 15.0
# Long enough to discharge the capacitor at the chip's EN.
RESET_PULSE_S = 0.15
_RETRY_S = 0.05
_POLL_S = 0.002
_NO_LINES = frozenset({errno.ENOTTY, errno.EINVAL, errno.EIO, errno.EOPNOTSUPP})


class SerialPort(serial.Serial):
    """A serial port whose DTR and RTS change together.

    On the programmers of ESP32 boards they pull EN (reset) and IO0 (boot mode), on some through transistors that act
    only while the two differ, on others directly (esptool, "Boot Mode Selection"). Changed one after the other they
    restart the chip or leave it in download mode; left on, as systems do on opening a port, they may hold it in reset.

    What has arrived is read at once, for those who read it byte by byte.
    """

    # Read, and not yet taken.
    _ahead = b""

    def open(self) -> None:
        """Opens the port."""
        self._ahead = b""
        super().open()

    @property
    def in_waiting(self) -> int:
        """The number of bytes that have arrived."""
        return len(self._ahead) + int(super().in_waiting)

    def read(self, size: int = 1) -> bytes:
        """Returns this many bytes, or fewer once `timeout` is over."""
        missing = size - len(self._ahead)
        if missing > 0:
            self._ahead += bytes(super().read(max(missing, super().in_waiting)))
        data, self._ahead = self._ahead[:size], self._ahead[size:]
        return data

    def read_to(self, last: bytes) -> bytes:
        """Returns what has arrived, at most up to the first byte that is `last`; waits for the first byte of it."""
        data = self.read(self.in_waiting or 1)
        end = data.find(last) + 1 or len(data)
        self._ahead = data[end:] + self._ahead
        return data[:end]

    def set_lines(self, *, dtr: bool, rts: bool) -> bool:
        """Sets both lines, at the same time if the system can; returns False if there are none."""
        try:
            self._set_both(dtr, rts)
        except OSError as error:
            if error.errno in _NO_LINES:
                return False
            raise
        return True

    def _set_both(self, dtr: bool, rts: bool) -> None:
        if os.name == "posix":
            has = struct.unpack("I", fcntl.ioctl(self.fileno(), termios.TIOCMGET, bytes(4)))[0]
            has &= ~(termios.TIOCM_DTR | termios.TIOCM_RTS)
            has |= (termios.TIOCM_DTR if dtr else 0) | (termios.TIOCM_RTS if rts else 0)
            fcntl.ioctl(self.fileno(), termios.TIOCMSET, struct.pack("I", has))
        self.dtr = dtr
        self.rts = rts

    def pulse_reset(self) -> bool:
        """Restarts an ESP32 through its programmer, into its program; returns False without reset lines."""
        if not self.set_lines(dtr=False, rts=True):
            return False
        time.sleep(RESET_PULSE_S)
        return self.set_lines(dtr=False, rts=False)

    def read_within(self, wait_s: float) -> bytes:
        """Returns the bytes that have arrived; waits at most `wait_s` for the first."""
        return bytes(self.read(self.in_waiting or 1)) if self.wait(wait_s) else b""

    def wait(self, wait_s: float) -> bool:
        """Returns whether there is something to read; waits at most `wait_s` for it."""
        if self._ahead:
            return True
        # Not by `timeout`: pyserial configures the port again each time that it is set.
        if os.name == "posix":
            return bool(select.select([self.fileno()], [], [], max(wait_s, 0.0))[0])
        give_up_s = time.monotonic() + wait_s
        while not self.in_waiting:
            if time.monotonic() > give_up_s:
                return False
            time.sleep(_POLL_S)
        return True


def open_serial_port(port: Port, make: type[SerialPort] = SerialPort) -> SerialPort:
    """Opens a port for us alone; raises SerialError with what to do."""
    serial_port = make()
    serial_port.port = port.path
    serial_port.baudrate = BAUD
    serial_port.timeout = READ_S
    serial_port.write_timeout = WRITE_S
    if os.name == "posix":
        serial_port.exclusive = True
    elif not port.is_native_usb:
        # Windows applies both as it opens the port.
        serial_port.dtr = serial_port.rts = False
    try:
        serial_port.open()
        if not port.is_native_usb:
            serial_port.set_lines(dtr=False, rts=False)
    except OSError as error:
        serial_port.close()
        raise _open_error(port.path, error) from None
    return serial_port


def reopen_serial_port(
    port: Port, deadline_s: float = REOPEN_S, make: type[SerialPort] = SerialPort
) -> tuple[Port, SerialPort]:
    """Opens a port that vanished for a moment, and may have another path now."""
    if port.is_pseudo_terminal and not port.link:
        # Another terminal with the same name would be another program's.
        raise gone(port.path)
    give_up_s = time.monotonic() + deadline_s
    while True:
        found = find_again(port)
        try:
            if found is not None:
                return found, open_serial_port(found, make)
        except SerialError:
            # Just plugged in, it may not have its permissions yet.
            if time.monotonic() > give_up_s:
                raise
        if time.monotonic() > give_up_s:
            raise gone(port.path)
        time.sleep(_RETRY_S)


def gone(path: str) -> SerialError:
    """Returns the error for a port that vanished."""
    return SerialError(Reason.GONE, f"the board at {path} is gone: plug it in again, and run the same command again")


def _open_error(path: str, error: OSError) -> SerialError:
    number = error.errno
    if number == errno.EACCES:
        return SerialError(Reason.NO_PERMISSION, _permission_remedy(path))
    if number in (errno.EBUSY, errno.EWOULDBLOCK) or "exclusively lock" in str(error):
        return SerialError(
            Reason.BUSY, f"{path} is in use by another program ({_holder(path)}): close it, then run this again"
        )
    if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO) or os.name == "nt":
        return SerialError(Reason.NO_PORT, f"{path} cannot be opened: plug the board in again; it may be in use")
    return SerialError(Reason.NO_PORT, f"{path} cannot be opened as a serial port ({os.strerror(number or 0)})")


def _permission_remedy(path: str) -> str:
    try:
        group = Path(path).group()
    except (OSError, KeyError, NotImplementedError):
        group = "dialout"
    return (
        f"no permission for {path}: add yourself to the group {group} with"
        f" `sudo usermod -aG {group} $USER`, log out and in, then run this again"
    )


def _holder(path: str) -> str:
    """Returns the name of the program that has a file open, if the system shows it."""
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if os.readlink(link) == path and link.parts[2] != str(os.getpid()):
                name = Path("/proc", link.parts[2], "comm").read_text().strip()
                return f"{name}, process {link.parts[2]}"
        except OSError:
            continue
    return "perhaps Thonny, mpremote or a serial monitor"
