"""Where others reach the gateway: the parts of its public URL, and the addresses that this machine has now."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple, Self
from urllib.parse import urlsplit

BASE_PATH_CHARS_MAX = 256
ANY_ADDRESS = ("0.0.0.0", "::")

_URL = re.compile(r"https?://[A-Za-z0-9._-]+(:\d{1,5})?(/[A-Za-z0-9._~-]+)*/?|https?://\[[0-9a-fA-F:.]+\](:\d{1,5})?/?")
_BASE_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")
# Of documentation (RFC 5737, RFC 3849): nobody has them, so the route there is that to other networks.
_FAR = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
_DISCARD_PORT = 9
# Set in images, ours too, and by Podman and systemd-nspawn.
_CONTAINER_VARIABLE = "container"
# Asks Linux for the address of an interface, in a struct ifreq: its name, then a sockaddr_in.
_SIOCGIFADDR = 0x8915
_NAME_BYTES = 16


class PublicUrl(NamedTuple):
    """The setting `public_url`, split: `https://boards.example.org:8443`, `boards.example.org:8443`, `/path`."""

    origin: str = ""
    host: str = ""
    path: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Returns the parts of an address that `is_public_url` accepts, all empty for an empty text."""
        if not text:
            return cls()
        parts = urlsplit(text)
        return cls(f"{parts.scheme}://{parts.netloc}".lower(), parts.netloc.lower(), parts.path.rstrip("/"))

    @property
    def text(self) -> str:
        """Returns the address without a slash at its end."""
        return self.origin + self.path


def is_public_url(text: str) -> bool:
    """Whether a text is an address of http or https with nothing but a plain path behind it."""
    return _URL.fullmatch(text) is not None and parse_base_path(urlsplit(text).path) is not None


def parse_base_path(text: str) -> str | None:
    """Returns a path as it is put before those of the gateway, "" for the root; None for what is not a plain path."""
    path = text.strip().rstrip("/")
    if not path:
        return ""
    is_plain = _BASE_PATH.fullmatch(path) and not {".", ".."} & set(path.split("/"))
    return path if is_plain and len(path) <= BASE_PATH_CHARS_MAX else None


def url_of(host: str, port: int, scheme: str = "http") -> str:
    """Returns the address of a host, which may be an address of IPv6, and a port."""
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def is_in_container() -> bool:
    """Whether the addresses of this machine are those of a container, which others may not reach."""
    return bool(os.environ.get(_CONTAINER_VARIABLE))


def network_address(host: str) -> str | None:
    """Returns the address at which others reach a gateway that listens on `host`, as it is now; None without one."""
    if host not in ANY_ADDRESS:
        return None if host in ("localhost", "127.0.0.1", "::1") else host
    is_ipv4_only = host == "0.0.0.0"
    found = [*_routed(is_ipv4_only), *_of_interfaces()]
    return found[0] if found else None


def _routed(is_ipv4_only: bool) -> Iterator[str]:
    """Yields the addresses from which this machine would reach other networks."""
    for family, far in _FAR[:1] if is_ipv4_only else _FAR:
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            # Connecting a datagram socket sends nothing: the system only chooses the address that it would use.
            probe.connect((far, _DISCARD_PORT))
            yield probe.getsockname()[0]


def _of_interfaces() -> Iterator[str]:
    """Yields the IPv4 addresses of interfaces, for a network without a router."""
    try:
        from fcntl import ioctl
    except ImportError:
        return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for _, name in socket.if_nameindex():
            with contextlib.suppress(OSError):
                request = struct.pack(f"{_NAME_BYTES}s16x", name.encode()[: _NAME_BYTES - 1])
                answer = ioctl(asking.fileno(), _SIOCGIFADDR, request)
                address = ipaddress.IPv4Address(answer[_NAME_BYTES + 4 : _NAME_BYTES + 8])
                if not address.is_loopback:
                    yield str(address)
