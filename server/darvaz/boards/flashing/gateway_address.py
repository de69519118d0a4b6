"""The address at which a board reaches a gateway: not this machine's loopback, which would be the board itself."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from darvaz.boards.flashing.errors import FlashError, FlashOutcome

DEFAULT_PORT = 3000
URL_CHARS_MAX = 256
_WS = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
# An address for documentation (RFC 5737): connecting a UDP socket to it shows our own address, and sends nothing.
_ELSEWHERE = ("192.0.2.1", 9)


def board_url(gateway: str, own_address: str | None) -> str:
    """Returns the address of a gateway for a board, ws://…; raises FlashError if there is none.

    `own_address` is that of this machine on its network; it replaces loopback.
    """
    parts = urlsplit(gateway)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host = None
    if parts.scheme not in _WS or not host or len(gateway) > URL_CHARS_MAX:
        raise FlashError(
            FlashOutcome.WRONG_USE,
            f"{gateway} is not an address of a gateway; one is like http://192.168.1.5:{DEFAULT_PORT}",
        )
    if is_loopback(host):
        if own_address is None:
            raise FlashError(
                FlashOutcome.NO_TOKEN,
                "this machine has no address on a network, so no board can reach its gateway: connect it to the"
                " network of the board, or name the address with --gateway-url ws://ADDRESS:PORT",
            )
        host = own_address
    host = f"[{host}]" if ":" in host else host
    suffix = f":{port}" if port is not None else ""
    return f"{_WS[parts.scheme]}://{host}{suffix}{parts.path.rstrip('/')}"


def is_loopback(host: str) -> bool:
    """Whether a host is this machine's loopback."""
    if host.lower() == "localhost" or host.lower().endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def own_address() -> str | None:
    """Returns the address of this machine on its default network, or None without one."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(_ELSEWHERE)
            found = str(probe.getsockname()[0])
    except OSError:
        return None
    return None if is_loopback(found) else found
