"""The pseudo-terminal of a tunnel: what tools write to it goes to a prompt, whose answers go back."""

from __future__ import annotations

import contextlib
import os
import select
import termios
import time
import tty
from collections.abc import Callable
from pathlib import Path

READ_BYTES = 4_096
WRITE_BYTES = 1_024
WRITE_DEADLINE_S = 5.0
# A tool that has written nothing for this time waits for an answer.
DROP_PAUSE_S = 0.2
DROP_DEADLINE_S = 30.0


class TunnelTerminal:
    """An open pseudo-terminal; `path` is what tools open, and `link`, if given, leads there under a name that stays."""

    def __init__(self, link: Path | None = None) -> None:
        self._fd, self._far_fd = os.openpty()
        # Raw: a carriage return added to a newline would break the handshake of the raw prompt.
        tty.setraw(self._far_fd)
        self.path = os.ttyname(self._far_fd)
        self._link = link
        # What is read first, before what tools write.
        self._put_back = b""
        if link is not None:
            if link.is_symlink():
                link.unlink()
            link.symlink_to(self.path)

    def __enter__(self) -> TunnelTerminal:
        return self

    def __exit__(self, *error: object) -> None:
        if self._link is not None and self._link.is_symlink() and os.readlink(self._link) == self.path:
            self._link.unlink()
        os.close(self._fd)
        os.close(self._far_fd)

    def write(self, data: bytes) -> None:
        """Writes everything, waiting for the tool to read it; what a tool that is gone has not read is dropped."""
        while data:
            _, writable, _ = select.select([], [self._fd], [], WRITE_DEADLINE_S)
            if not writable:
                termios.tcflush(self._far_fd, termios.TCIFLUSH)
                return
            data = data[os.write(self._fd, data[:WRITE_BYTES]) :]

    def serve(self, receive: Callable[[bytes], None], is_over: Callable[[], bool], poll_s: float = 0.2) -> None:
        """Passes on what tools write, until `is_over()`; tools may come and go."""
        while not is_over():
            if data := self.read(poll_s):
                receive(data)

    def put_back(self, data: bytes) -> None:
        """Has bytes read again."""
        self._put_back = data

    def drop_input(self) -> int:
        """Drops what a tool still writes, until it pauses, and returns how many bytes."""
        count, give_up_s = 0, time.monotonic() + DROP_DEADLINE_S
        while time.monotonic() < give_up_s and (data := self.read(DROP_PAUSE_S)):
            count += len(data)
        return count

    def read(self, wait_s: float) -> bytes:
        """Returns what a tool has written; nothing if nothing comes in this time."""
        if self._put_back:
            data, self._put_back = self._put_back, b""
            return data
        readable, _, _ = select.select([self._fd], [], [], wait_s)
        if readable:
            with contextlib.suppress(OSError):
                return os.read(self._fd, READ_BYTES)
        return b""
