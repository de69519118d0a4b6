"""One TCP or TLS connection: opened, read, written and closed. Deadlines are the caller's.

MicroPython's asyncio/stream.py leaves the socket of a cancelled `open_connection` open, copies the rest
of a partial write, and its `close` does nothing.
"""

import asyncio
import errno
import socket


def parse_url(url):
    """Returns (is_secure, authority, host, port, path) of `ws://host:port/path`; raises ValueError for other texts."""
    scheme, _, rest = url.partition("://")
    authority, _, path = rest.partition("/")
    host, _, port = authority.partition(":")
    if scheme not in ("ws", "wss") or not host or not (port or "1").isdigit():
        raise ValueError("a gateway's address is like ws://192.168.1.5:3000, not %s" % url)
    is_secure = scheme == "wss"
    return is_secure, authority, host, int(port) if port else (443 if is_secure else 80), ("/" + path).rstrip("/")


class Connection:
    """A live connection: one task reads, one task writes."""

    def __init__(self, sock):
        self._sock = sock

    async def read_into(self, view):
        """Reads at least one byte into a buffer and returns how many; 0 at the end."""
        while True:
            count = self._call(self._sock.readinto, view)
            # None: nothing has arrived, or with TLS an incomplete record.
            if count is not None:
                return count
            await _wait_to_read(self._sock)

    async def write(self, data):
        """Writes all of a buffer without copying it."""
        view = memoryview(data)
        at = 0
        while at < len(view):
            count = self._call(self._sock.write, view[at:] if at else view)
            if count:
                at += count
            else:
                await _wait_to_write(self._sock)

    def _call(self, function, view):
        try:
            return function(view)
        except ValueError as error:
            # MicroPython's TLS raises ValueError for a certificate that it does not trust.
            raise OSError(str(error).strip())

    def close(self):
        """Closes the socket and frees its memory."""
        self._sock.close()


async def open_connection(host, port, tls):
    """Connects, with TLS if `tls` is an SSLContext; a cancelled attempt leaves nothing open.

    `getaddrinfo` blocks the event loop, so call it only while Wi-Fi is joined.
    """
    family, kind, protocol, _, ip = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        try:
            sock.connect(ip)
        except OSError as error:
            if error.errno != errno.EINPROGRESS:
                raise
        try:
            # IPPROTO_TCP and TCP_NODELAY as lwIP and Linux number them; not every port has the names.
            sock.setsockopt(6, 1, 1)
        except OSError:
            # Without it only some milliseconds are lost.
            pass
        await _wait_to_write(sock)
        if tls is not None:
            sock = tls.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
        return Connection(sock)
    except BaseException:
        sock.close()
        raise


# MicroPython awaits generators, and the poller of its asyncio/core.py has no public interface.


def _wait_to_read(sock):
    yield asyncio.core._io_queue.queue_read(sock)  # type: ignore[attr-defined]


def _wait_to_write(sock):
    yield asyncio.core._io_queue.queue_write(sock)  # type: ignore[attr-defined]
