"""Slots of connections: by network, in all, with a reserve; the connection that is idle for longest goes first."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from darvaz.gateway.http.connection_slots import (
    CONNECTIONS_PER_NETWORK_MAX,
    PENDING_PER_NETWORK_MAX,
    RESERVED_PART,
    UNREAD_MAX,
    UNREAD_PER_NETWORK_MAX,
    ConnectionSlots,
    Slot,
)
from tests.support.clock import Clock

CALLER, OTHER, KNOWN, PROXY = "203.0.113.1", "203.0.113.2", "203.0.113.3", "192.0.2.9"
TOTAL_MAX = 800
OPEN_TO_ALL = int(TOTAL_MAX * (1 - RESERVED_PART))


class Held:
    """A connection, which leaves its slot when it is cut off."""

    def __init__(self, slots: ConnectionSlots, address: str) -> None:
        self.is_cut_off = False
        self._slots = slots
        self.slot: Slot | None = slots.enter(address, self)

    def cut_off(self) -> None:
        self.is_cut_off = True
        assert self.slot is not None
        self._slots.leave(self.slot)


@pytest.fixture
def slots() -> ConnectionSlots:
    return ConnectionSlots(10.0, total_max=TOTAL_MAX, known={KNOWN}, proxies=[PROXY], monotonic_s=Clock())


def served(slots: ConnectionSlots, address: str) -> Held:
    held = Held(slots, address)
    if held.slot is not None:
        slots.mark_served(held.slot)
    return held


def idle(slots: ConnectionSlots, address: str) -> Held:
    held = Held(slots, address)
    if held.slot is not None:
        slots.mark_idle(held.slot)
    return held


def fill(slots: ConnectionSlots, address: str, count: int, make: Any = served) -> list[Held]:
    return [make(slots, address) for _ in range(count)]


def test_one_more_pending_connection_of_a_network_has_no_place_and_another_network_has(slots: ConnectionSlots) -> None:
    pending = [Held(slots, CALLER) for _ in range(PENDING_PER_NETWORK_MAX + 1)]

    assert [held.slot is None for held in pending[-2:]] == [False, True]
    assert Held(slots, OTHER).slot is not None


def test_one_more_connection_of_a_network_has_no_place(slots: ConnectionSlots) -> None:
    held = fill(slots, CALLER, CONNECTIONS_PER_NETWORK_MAX + 1)

    assert [connection.slot is None for connection in held[-2:]] == [False, True]
    assert served(slots, OTHER).slot is not None


def test_a_network_that_is_full_loses_its_oldest_idle_connection(slots: ConnectionSlots) -> None:
    oldest, second = idle(slots, CALLER), idle(slots, CALLER)
    fill(slots, CALLER, CONNECTIONS_PER_NETWORK_MAX - 2)

    assert served(slots, CALLER).slot is not None
    assert (oldest.is_cut_off, second.is_cut_off) == (True, False)


def test_the_last_places_are_for_known_networks(slots: ConnectionSlots) -> None:
    for number in range(OPEN_TO_ALL):
        assert served(slots, f"10.0.{number % 250}.1").slot is not None

    assert served(slots, OTHER).slot is None
    assert served(slots, KNOWN).slot is not None


def test_a_full_gateway_loses_the_oldest_idle_connection_of_all(slots: ConnectionSlots) -> None:
    oldest = idle(slots, OTHER)
    for number in range(OPEN_TO_ALL - 1):
        served(slots, f"10.0.{number % 250}.1")

    assert served(slots, CALLER).slot is not None
    assert oldest.is_cut_off


def test_a_proxy_has_no_limit_of_its_own(slots: ConnectionSlots) -> None:
    held = fill(slots, PROXY, OPEN_TO_ALL, Held)

    assert all(connection.slot is not None for connection in held)


def test_of_too_many_unread_answers_of_a_network_the_oldest_is_cut_off(slots: ConnectionSlots) -> None:
    held = fill(slots, CALLER, UNREAD_PER_NETWORK_MAX + 1)
    for connection in held:
        assert connection.slot is not None
        slots.mark_unread(connection.slot, True)

    assert [connection.is_cut_off for connection in held] == [True] + [False] * UNREAD_PER_NETWORK_MAX


def test_a_place_that_is_left_is_free_again(slots: ConnectionSlots) -> None:
    held = [Held(slots, CALLER) for _ in range(PENDING_PER_NETWORK_MAX)]
    assert held[0].slot is not None
    slots.leave(held[0].slot)

    assert Held(slots, CALLER).slot is not None
    assert slots.total == PENDING_PER_NETWORK_MAX


def test_of_too_many_unread_answers_in_all_the_oldest_is_cut_off_also_behind_a_proxy(slots: ConnectionSlots) -> None:
    held = fill(slots, PROXY, UNREAD_MAX + 1)
    for connection in held:
        assert connection.slot is not None
        slots.mark_unread(connection.slot, True)

    assert [connection.is_cut_off for connection in held] == [True] + [False] * UNREAD_MAX


def test_rejections_have_one_line_a_minute_with_the_number_of_the_others(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    slots = ConnectionSlots(10.0, monotonic_s=clock)
    caplog.set_level(logging.WARNING)
    fill(slots, CALLER, PENDING_PER_NETWORK_MAX + 5, Held)
    clock.now_s += 60
    Held(slots, CALLER)

    lines = [record.getMessage() for record in caplog.records]
    assert lines == [
        f"= {CALLER} cut off: too many connections that send no request",
        f"= {CALLER} cut off: too many connections that send no request (4 more since the last such line)",
    ]
