"""Networks: which addresses count as one, and which networks are known."""

from __future__ import annotations

import ipaddress

import pytest

from darvaz.gateway.access.networks import (
    KNOWN_MAX,
    KnownNetworks,
    is_neighbour,
    network_of,
    parse_interfaces,
)
from darvaz.gateway.access.rate_limiter import RateLimiter
from tests.support.clock import Clock

# As Linux writes it: loopback, an address of the home's network, one of a tunnel by itself, and a link-local one.
INTERFACES = """\
00000000000000000000000000000001 01 80 10 80       lo
20010db8000100020000000000000001 02 40 00 80     eth0
20010db8000100090000000000000001 03 80 00 80     tun0
fe800000000000000000000000000001 02 40 20 80     eth0
"""


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.168.1.7", "192.168.1.7"),
        ("::ffff:192.168.1.7", "192.168.1.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("fd00:1234::2", "fd00:1234::2"),
        ("::1", "::1"),
        (None, "unknown"),
        ("not an address", "unknown"),
    ],
)
def test_ipv6_addresses_of_one_site_count_as_one_and_local_ones_one_by_one(address: str | None, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize(
    ("address", "is_near"),
    [
        ("2001:db8:1:2::77", True),
        ("2001:db8:1:3::77", False),
        ("2001:db8:1:9::1", False),
        ("fe80::77", True),
        ("fd12::77", True),
    ],
)
def test_neighbours_are_those_on_the_links_of_this_machine(address: str, is_near: bool) -> None:
    assert is_neighbour(ipaddress.IPv6Address(address), parse_interfaces(INTERFACES)) is is_near


def test_failures_of_one_neighbour_do_not_block_another(clock: Clock) -> None:
    limiter = RateLimiter(1, 60.0, clock)

    limiter.count("fd00:1234::2")

    assert limiter.wait_s("fd00:1234::2") == 60.0
    assert limiter.wait_s("fd00:1234::3") is None


def test_known_networks_are_limited_and_the_oldest_is_forgotten() -> None:
    known = KnownNetworks(["192.0.2.1", None])
    for number in range(KNOWN_MAX - 1):
        known.note(f"10.0.{number // 256}.{number % 256}")
    before = "192.0.2.1" in known
    known.note("192.0.2.2")

    assert before
    assert "192.0.2.1" not in known and "192.0.2.2" in known
