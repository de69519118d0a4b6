"""Which addresses browsers may name as their push service: public ones with HTTPS, and those that the operator allows.

Who may see alerts names an address to which the gateway sends requests; it must not lead into the own network.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass, field

ENDPOINT_CHARS_MAX = 1_000
HTTPS_PORT = 443
_ENDPOINT = re.compile(
    r"https://(?P<host>[A-Za-z0-9.-]{1,253}|\[[0-9a-fA-F:.]{2,45}\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[A-Za-z0-9._~:/?@!$&'()*+,;=%-]*)"
)
# What stands for an address of IPv4 in its last 32 bits (RFC 6052).
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
NOT_PUBLIC = "the push service is in a network of its own; the setting push_local_hosts can allow it"

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class EndpointError(ValueError):
    """An address of a push service that is not used; the text says why, without its secret part."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address of one browser at its push service."""

    host: str
    port: int
    path: str = field(repr=False)
    """The secret: who knows it can send to the browser."""
    is_local: bool = False
    """The operator allows that its host is of the own network."""

    @property
    def origin(self) -> str:
        return f"https://{self.authority}"

    @property
    def authority(self) -> str:
        return self.host if self.port == HTTPS_PORT else f"{self.host}:{self.port}"


def parse_endpoint(url: str, local_hosts: Collection[str]) -> Endpoint:
    """Returns the parts of an address that may be used; raises `EndpointError`. Its names are looked up later."""
    found = _ENDPOINT.fullmatch(url) if len(url) <= ENDPOINT_CHARS_MAX else None
    if found is None:
        raise EndpointError(f"the address of a push service begins with https:// and has up to {ENDPOINT_CHARS_MAX}"
                            " characters")  # fmt: skip
    host, port = found["host"].lower(), int(found["port"] or HTTPS_PORT)
    is_local = host.strip("[]") in {name.lower().strip("[]") for name in local_hosts}
    if not is_local and port != HTTPS_PORT:
        raise EndpointError("the push service has another port than 443; the setting push_local_hosts can allow it")
    endpoint = Endpoint(host, port, found["path"], is_local)
    literal = _parsed(host.strip("[]"))
    if literal is not None:
        check_addresses(endpoint, [str(literal)])
    return endpoint


def check_addresses(endpoint: Endpoint, addresses: Collection[str]) -> None:
    """Raises `EndpointError` if any address that a host has is not public, unless the operator allows the host."""
    if not endpoint.is_local and not all(is_public(address) for address in addresses):
        raise EndpointError(NOT_PUBLIC)


def is_public(text: str) -> bool:
    """Returns whether an address is one of the internet, also where it stands for another one."""
    address = _parsed(text)
    return address is not None and all(each.is_global and not each.is_multicast for each in _meant(address))


def _meant(address: _Address) -> list[_Address]:
    """Returns an address, and those of IPv4 that it leads to."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    inner: list[_Address] = [address.sixtofour] if address.sixtofour is not None else []
    if address in _TRANSLATED:
        inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [address, *inner]


def _parsed(text: str) -> _Address | None:
    try:
        # A zone, as in fe80::1%eth0, is of link-local addresses.
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
