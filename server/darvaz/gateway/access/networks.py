"""Networks: which addresses are counted as one, and which were here with a valid token."""

from __future__ import annotations

import functools
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from darvaz.gateway.access.origins import ADDRESSES_KNOWN_MAX, parse_address

KNOWN_MAX = 4096

_SITE_BITS: Final = 64
# Unique local addresses (RFC 4193); nobody on the Internet has one.
_UNIQUE_LOCAL = ipaddress.IPv6Network("fc00::/7")
# The addresses of this machine's interfaces, one a line; only Linux has it.
_INTERFACES = Path("/proc/net/if_inet6")
_ON_LINK_BITS = range(48, 127)
_ON_LINK_EVERY_S = 60.0


def network_of(address: str | None) -> str:
    """Returns what is counted as one: an IPv4 address, a neighbour's IPv6 address, or an IPv6 network of 64 bits.

    A client with IPv6 has 2^64 addresses to choose from (RFC 4291, section 2.5.1). At home all machines share such a
    network, so those with a local address or on one of this machine's own links are counted one by one.
    """
    return _network_of(address, int(time.monotonic() / _ON_LINK_EVERY_S))


@functools.lru_cache(maxsize=ADDRESSES_KNOWN_MAX)
def _network_of(address: str | None, period: int) -> str:
    parsed = parse_address(address)
    if parsed is None:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv4Address) or is_neighbour(parsed, _on_link(period)):
        return str(parsed)
    return str(ipaddress.IPv6Network((int(parsed), _SITE_BITS), strict=False))


def is_neighbour(address: ipaddress.IPv6Address, on_link: Iterable[ipaddress.IPv6Network]) -> bool:
    """Whether an address is local by its form, or in one of the networks of this machine's links."""
    is_local = address.is_link_local or address.is_loopback or address in _UNIQUE_LOCAL
    return is_local or any(address in network for network in on_link)


@functools.lru_cache(maxsize=1)
def _on_link(period: int) -> tuple[ipaddress.IPv6Network, ...]:
    """Returns the networks of this machine's links; read again in each period, for addresses change."""
    try:
        return parse_interfaces(_INTERFACES.read_text())
    except (OSError, ValueError):
        return ()


def parse_interfaces(text: str) -> tuple[ipaddress.IPv6Network, ...]:
    """Returns the networks in a text like `/proc/net/if_inet6`; an address by itself is none."""
    found = []
    for line in text.splitlines():
        digits, _, bits, *_ = line.split()
        if int(bits, 16) in _ON_LINK_BITS:
            found.append(ipaddress.IPv6Network((int(digits, 16), int(bits, 16)), strict=False))
    return tuple(found)


class KnownNetworks:
    """Networks from which a valid token came: they have a reserve when there are too many connections."""

    def __init__(self, addresses: Iterable[str | None] = ()) -> None:
        # The one that was known last is the newest.
        self._networks: OrderedDict[str, None] = OrderedDict()
        for address in addresses:
            self.note(address)

    def __contains__(self, network: object) -> bool:
        return network in self._networks

    def note(self, address: str | None) -> None:
        """Remembers the network of an address; beyond `KNOWN_MAX` the oldest is forgotten."""
        if address is None:
            return
        network = network_of(address)
        self._networks[network] = None
        self._networks.move_to_end(network)
        if len(self._networks) > KNOWN_MAX:
            self._networks.popitem(last=False)
