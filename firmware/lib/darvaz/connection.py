"""One TCP or TLS connection: read, written and closed. Deadlines are the caller's.

MicroPython's asyncio/stream.py copies the rest of a partial write, and its `close` does nothing.
"""

import asyncio


class Connection:
    """A live connection: one task reads, one task writes."""

    def __init__(self, sock):
        self._sock = sock

    async def read_into(self, space):
        """Reads at least one byte into the buffer that `space()` returns, and returns how many; 0 at the end."""
        while True:
            count = self._call(self._sock.readinto, space())
            # None: nothing has arrived, or with TLS an incomplete record.
            if count is not None:
                return count
            await wait_to_read(self._sock)

    async def write(self, data):
        """Writes all of a buffer without copying it."""
        view = memoryview(data)
        at = 0
        while at < len(view):
            count = self._call(self._sock.write, view[at:] if at else view)
            if count:
                at += count
            else:
                await wait_to_write(self._sock)

    def _call(self, function, view):
        try:
            return function(view)
        except ValueError as error:
            # MicroPython's TLS raises ValueError for a certificate that it does not trust.
            raise OSError(str(error).strip())

    def close(self):
        """Closes the socket and frees its memory."""
        self._sock.close()


# MicroPython awaits generators, and the poller of its asyncio/core.py has no public interface.


def wait_to_read(sock):
    """Waits until a socket can be read."""
    yield asyncio.core._io_queue.queue_read(sock)  # type: ignore[attr-defined]


def wait_to_write(sock):
    """Waits until a socket can be written."""
    yield asyncio.core._io_queue.queue_write(sock)  # type: ignore[attr-defined]
