"""A raw pseudo-terminal: one is the board's USB port for a host, another the interpreter's own terminal."""

from __future__ import annotations

import array
import contextlib
import fcntl
import os
import termios
import tty

READ_BYTES = 65536


class Terminal:
    """A pseudo-terminal in raw mode; `path` is the far end, `fd` the near one."""

    def __init__(self) -> None:
        self.fd, self.far_fd = os.openpty()
        # Raw at both ends: a carriage return added to a newline would break the raw prompt's handshake.
        tty.setraw(self.far_fd)
        self.path = os.ttyname(self.far_fd)
        os.set_blocking(self.fd, False)
        self._is_open = True

    def read(self) -> bytes:
        """Returns what has arrived, at most READ_BYTES; empty if there is nothing."""
        with contextlib.suppress(BlockingIOError, OSError):
            return os.read(self.fd, READ_BYTES)
        return b""

    def write(self, data: bytes) -> bytes:
        """Writes what fits and returns the rest."""
        with contextlib.suppress(BlockingIOError):
            return data[os.write(self.fd, data) :]
        return data

    def count_typed(self) -> int:
        """Returns how many bytes the far end has not read."""
        count = array.array("i", [0])
        fcntl.ioctl(self.far_fd, termios.FIONREAD, count)
        return count[0]

    def drop_typed(self) -> None:
        """Drops them."""
        with contextlib.suppress(termios.error):
            termios.tcflush(self.far_fd, termios.TCIFLUSH)

    def drop_unread(self) -> None:
        """Drops what the far end has not read."""
        with contextlib.suppress(termios.error):
            termios.tcflush(self.fd, termios.TCOFLUSH)
            termios.tcflush(self.far_fd, termios.TCIFLUSH)

    def close(self) -> None:
        """Closes both ends; may be called again."""
        if self._is_open:
            self._is_open = False
            os.close(self.fd)
            os.close(self.far_fd)
