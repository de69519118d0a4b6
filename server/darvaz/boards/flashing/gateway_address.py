"""Which address a board is to use for a gateway: never this machine's loopback, which would be the board itself."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from darvaz.boards.flashing.errors import FlashError, FlashOutcome

DEFAULT_PORT = 3000
URL_CHARS_MAX = 256
_WS = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
# Set aside for documentation: it only asks which of our addresses would be used, and nothing is sent.
_ELSEWHERE = ("192.0.2.1", 9)


def board_url(gateway: str, own_address: str | None) -> str:
    """Returns the address of a gateway as a board needs it, ws://…; raises FlashError where there is none.

    `own_address` stands in for loopback: where this machine is found on its network.
    """
    parts = urlsplit(gateway)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host = None
    if parts.scheme not in _WS or not host or len(gateway) > URL_CHARS_MAX:
        raise FlashError(
            FlashOutcome.WRONG_USE,
            f"{gateway} is no address of a gateway; one is like http://192.168.1.5:{DEFAULT_PORT}",
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


def http_url(url: str) -> str:
    """Returns where a gateway answers HTTP whose boards use this address."""
    return url.replace("ws", "http", 1) if url.startswith("ws") else url


def is_loopback(host: str) -> bool:
    """Whether a host is only this machine to itself."""
    if host.lower() == "localhost" or host.lower().endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def own_address() -> str | None:
    """Returns the address of this machine on the network that its traffic goes to, or None without one."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(_ELSEWHERE)
            found = str(probe.getsockname()[0])
    except OSError:
        return None
    return None if is_loopback(found) else found
