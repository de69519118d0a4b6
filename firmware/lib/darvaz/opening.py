"""Joins a Wi-Fi and opens connections: addresses of gateways, TCP and TLS. Loaded for it.

A join is judged by result and time, as status values differ between ports; the deadlines of connections are the
caller's. MicroPython's asyncio/stream.py leaves the socket of a cancelled `open_connection` open.
"""

import asyncio
import errno
import socket
import time

from .supervisor import Connection, wait_to_write

JOIN_MS = 20000
_LOOK_MS = 100


async def join(wifi):
    """Joins the first network that accepts the board and returns whether one did; the log has the reasons."""
    port, station = wifi.port, wifi.station
    # The esp32 port keeps its state across a soft reset, and then connect() raises.
    wifi.leave()
    # Both must be set before the radio is on; the name is for DHCP and .local.
    if wifi.country:
        port.country(wifi.country)
    port.hostname(wifi.hostname)
    station.active(True)
    if wifi.power_save is not None:
        station.config(pm=wifi.power_save)
    for entry in wifi.networks:
        problem = await _try(wifi, entry["ssid"], entry.get("password"))
        if problem is None:
            wifi.log.info("wifi: joined %s as %s" % (entry["ssid"], wifi.address()))
            return True
        wifi.log.warning("wifi: %s: %s" % (entry["ssid"], problem))
    if not wifi.networks:
        wifi.log.warning("wifi: config.json names none")
    return False


async def _try(wifi, ssid, password):
    station, port = wifi.station, wifi.port
    started_ms = time.ticks_ms()
    # Not every port has all three, and their numbers differ.
    failures = [getattr(port, name, None) for name in ("STAT_WRONG_PASSWORD", "STAT_NO_AP_FOUND", "STAT_CONNECT_FAIL")]
    try:
        station.connect(ssid, password or None)
        while time.ticks_diff(time.ticks_ms(), started_ms) < JOIN_MS:
            if wifi.is_joined():
                return None
            status = station.status()
            if status in failures:
                break
            await asyncio.sleep_ms(_LOOK_MS)
        # Waiting for an address, the rp2 port returns 2 (CYW43_LINK_NOIP), the esp32 port "connected".
        if station.isconnected() or status == 2:
            return "joined, but got no address from the router"
        station.disconnect()
        # As bytes: a neighbour's name need not be UTF-8 (IEEE 802.11, 9.4.2.2).
        if ssid.encode() in [bytes(found[0]) for found in station.scan()]:
            return "seen, but joining failed: is the password right?"
        return "not seen: is the name right, and is it a 2.4 GHz network?"
    except (OSError, ValueError, UnicodeError) as error:
        return "joining failed: %s" % error


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
