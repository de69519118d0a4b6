"""The log of refused clients: a line for each address and minute, and the number of the others."""

from __future__ import annotations

from darvaz.gateway.esphome import refused_clients
from darvaz.gateway.esphome.refused_clients import ADDRESSES_MAX, WINDOW_S, RefusedClients


def test_of_many_refusals_in_a_minute_one_is_written_and_the_others_are_counted() -> None:
    lines: list[str] = []
    refused = RefusedClients(lambda text, *values: lines.append(text % values))
    for number in range(1_000):
        refused.record("192.0.2.7", "darvaz-shed", "Handshake MAC failure", now_s=number * 0.05)
    refused.record("192.0.2.8", "darvaz-shed", "Bad indicator byte", now_s=50.0)
    refused.tick(WINDOW_S - 0.1)
    before = list(lines)
    refused.tick(WINDOW_S)
    refused.record("192.0.2.7", "darvaz-shed", "Handshake MAC failure", now_s=WINDOW_S)
    refused.tick(10 * WINDOW_S)

    first = "= 192.0.2.7 refused at darvaz-shed: Handshake MAC failure"
    assert before == [first, "= 192.0.2.8 refused at darvaz-shed: Bad indicator byte"]
    assert lines[2:] == ["= 192.0.2.7 refused 999 more times within 60 s", first]


def test_addresses_beyond_the_maximum_are_counted_together() -> None:
    lines: list[str] = []
    refused = RefusedClients(lambda text, *values: lines.append(text % values))
    for number in range(ADDRESSES_MAX + 3):
        refused.record(f"address {number}", "darvaz-shed", "Bad hello", now_s=0.0)
    refused.tick(WINDOW_S)

    assert len(lines) == ADDRESSES_MAX + 2
    assert lines[-1] == f"= {refused_clients._OTHERS} refused 2 more times within 60 s"
