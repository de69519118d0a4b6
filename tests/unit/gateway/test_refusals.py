"""Refusals in the journal: a limited number of entries, and the number of the others."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from darvaz.gateway.access.rate_limiter import NETWORKS_MAX
from darvaz.gateway.refusals import COUNTED_NETWORKS_MAX, ROWS_MAX, ROWS_PER_NETWORK_MAX, WINDOW_S, Refusals


class Journalled:
    """Refusals with a journal that is a list, and a timer that the test fires."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str]] = []
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.refusals = Refusals(SimpleNamespace(record=self._record), self._call_later)  # type: ignore[arg-type]

    def end_window(self) -> None:
        (_, end_window), self.timers = self.timers[0], []
        end_window()

    def _record(self, device: Any, kind: Any, address: str, direction: str, type_: str, payload: str) -> None:
        self.entries.append((address, payload))

    def _call_later(self, delay_s: float, callback: Callable[[], None]) -> Any:
        self.timers.append((delay_s, callback))
        return SimpleNamespace(cancel=lambda: None)


@pytest.fixture
def journalled() -> Journalled:
    return Journalled()


def test_an_address_has_its_entries_and_then_one_with_the_number_of_the_others(journalled: Journalled) -> None:
    for _ in range(ROWS_PER_NETWORK_MAX + 3):
        journalled.refusals.record("pico", "203.0.113.9", "401 not_authorised")
    within = list(journalled.entries)
    journalled.end_window()

    assert within == [("203.0.113.9", "401 not_authorised")] * ROWS_PER_NETWORK_MAX
    assert journalled.entries[len(within) :] == [("203.0.113.9", "3 more from here within 60 s")]


def test_an_address_within_its_entries_has_no_more_at_the_end(journalled: Journalled) -> None:
    for _ in range(ROWS_PER_NETWORK_MAX):
        journalled.refusals.record(None, "203.0.113.9", "401 not_authorised")
    journalled.end_window()

    assert len(journalled.entries) == ROWS_PER_NETWORK_MAX


def test_many_addresses_share_the_entries_and_are_counted_together(journalled: Journalled) -> None:
    networks = NETWORKS_MAX + ROWS_MAX + 5
    for number in range(networks):
        journalled.refusals.record(None, f"10.{number // 65536}.{number // 256 % 256}.{number % 256}", "401")
    within = len(journalled.entries)
    journalled.end_window()

    assert within == ROWS_MAX
    assert len(journalled.entries) == ROWS_MAX + COUNTED_NETWORKS_MAX + 1
    rest = networks - ROWS_MAX - COUNTED_NETWORKS_MAX
    assert journalled.entries[-1] == ("", f"{rest} more from other addresses within 60 s")


def test_a_window_begins_with_the_first_refusal_and_is_forgotten_at_its_end(journalled: Journalled) -> None:
    assert journalled.timers == []
    for _ in range(ROWS_PER_NETWORK_MAX + 1):
        journalled.refusals.record(None, "203.0.113.9", "401")
    assert [delay_s for delay_s, _ in journalled.timers] == [WINDOW_S]
    journalled.end_window()
    journalled.refusals.record(None, "203.0.113.9", "again")

    assert journalled.entries[-1] == ("203.0.113.9", "again")


def test_the_end_of_the_gateway_writes_the_number_as_well(journalled: Journalled) -> None:
    for _ in range(ROWS_PER_NETWORK_MAX + 2):
        journalled.refusals.record(None, "203.0.113.9", "401")
    journalled.refusals.close()

    assert journalled.entries[-1] == ("203.0.113.9", "2 more from here within 60 s")
