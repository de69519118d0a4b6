"""Which addresses mDNS tells the network: those that other machines reach."""

from __future__ import annotations

from darvaz.gateway.announcement import reachable


def test_addresses_of_container_bridges_are_told_only_where_there_are_no_others() -> None:
    bridges = [("docker0", "172.17.0.1"), ("br-0123456789ab", "172.18.0.1"), ("virbr0", "192.168.122.1")]

    assert reachable([("lo", "127.0.0.1"), *bridges, ("br0", "192.168.1.5"), ("wlan0", "10.0.0.5")]) == [
        "192.168.1.5",
        "10.0.0.5",
    ]
    assert reachable([("lo", "127.0.0.1"), *bridges[:1]]) == ["172.17.0.1"]
    assert reachable([("lo", "127.0.0.1")]) == ["127.0.0.1"]
