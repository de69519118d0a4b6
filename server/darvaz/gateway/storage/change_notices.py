"""Notices between processes that share a data folder: one has changed the database, the gateway has read that.

The gateway looks for changes about once a second anyway. The notice saves a command that wait: what it has issued or
revoked counts as soon as the command ends. It is a connection to a socket in the data folder; the answer is its end.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

SOCKET_NAME = "changes.sock"
DEADLINE_S = 2.0
# Commands that wait at the same time; others wait for their deadline.
_BACKLOG = 16


class ChangeNotices:
    """Listens for notices; `read_changes` is awaited for each."""

    def __init__(self, folder: Path, read_changes: Callable[[], Awaitable[object]]) -> None:
        self._folder = folder
        self._read_changes = read_changes
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Starts to listen, where the system has such sockets; without one, changes are seen within a second."""
        with contextlib.suppress(OSError, AttributeError):
            listener = _listen(self._folder)
            self._server = await asyncio.start_unix_server(self._answer, sock=listener)

    async def close(self) -> None:
        """Ends listening."""
        if self._server is not None:
            self._server.close()
            with contextlib.suppress(OSError):
                await asyncio.to_thread((self._folder / SOCKET_NAME).unlink, missing_ok=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._read_changes()
        finally:
            writer.close()


def notify_gateway(folder: Path, deadline_s: float = DEADLINE_S) -> None:
    """Tells a running gateway that its database was changed, and returns once it knows, or after the deadline."""
    with contextlib.suppress(OSError, AttributeError), _short_name(folder) as name:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(deadline_s)
            connection.connect(name)
            connection.recv(1)


def _listen(folder: Path) -> socket.socket:
    (folder / SOCKET_NAME).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    try:
        with _short_name(folder) as name:
            listener.bind(name)
        (folder / SOCKET_NAME).chmod(0o600)
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


@contextlib.contextmanager
def _short_name(folder: Path) -> Iterator[str]:
    """Lends a path of the socket of at most 107 bytes, which is all that the system allows."""
    path = str(folder / SOCKET_NAME)
    if len(os.fsencode(path)) < 100:
        yield path
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET_NAME}"
    finally:
        os.close(descriptor)
