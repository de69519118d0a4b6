"""Opens connections: addresses of gateways, TCP and TLS. Loaded while one is opened; deadlines are the caller's.

MicroPython's asyncio/stream.py leaves the socket of a cancelled `open_connection` open.
"""

import errno
import socket

from .connection import Connection, wait_to_write


def parse_url(url):
    """Returns (is_secure, authority, host, port, path) of `ws://host:port/path`; raises ValueError for other texts."""
    scheme, _, rest = url.partition("://")
    authority, _, path = rest.partition("/")
    host, _, port = authority.partition(":")
    if scheme not in ("ws", "wss") or not host or not (port or "1").isdigit():
        raise ValueError("gateways: write ws://192.168.1.5:3000, not %s" % url)
    is_secure = scheme == "wss"
    return is_secure, authority, host, int(port) if port else (443 if is_secure else 80), ("/" + path).rstrip("/")


async def open_connection(host, port, tls, address):
    """Connects to a host at an address, with TLS if `tls` is an SSLContext; a cancelled attempt leaves nothing open.

    `getaddrinfo` blocks the event loop, so call it only while Wi-Fi is joined.
    """
    family, kind, protocol, _, ip = socket.getaddrinfo(address, port, 0, socket.SOCK_STREAM)[0]
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
        await wait_to_write(sock)
        if tls is not None:
            sock = tls.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
        return Connection(sock)
    except BaseException:
        sock.close()
        raise
