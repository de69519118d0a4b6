"""Sessions at the prompt: one at a time, until it is not used; and code in parts that fit into a packet."""

from __future__ import annotations

import json

import pytest

from darvaz.gateway.prompts.leases import LEASE_S, InUseError, Leases
from darvaz.gateway.prompts.prompts import PART_BYTES_MAX, split


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_one_session_at_a_time_has_a_prompt() -> None:
    leases = Leases(Clock())
    leases.take("pump", "a", "Ann")
    leases.take("well", "b", "Bob")

    with pytest.raises(InUseError, match="Ann is at the prompt of pump: it is free 60 s from now"):
        leases.take("pump", "b", "Bob")
    assert leases.release("pump", "a") and not leases.release("pump", "a")
    leases.take("pump", "b", "Bob")


def test_a_session_that_is_not_used_ends() -> None:
    clock = Clock()
    leases = Leases(clock)
    leases.take("pump", "a", "Ann")
    clock.now_s += LEASE_S - 1
    leases.take("pump", "a", "Ann")
    clock.now_s += LEASE_S - 1
    assert leases.expired() == []
    clock.now_s += 1

    assert leases.expired() == [("pump", "a")]
    leases.take("pump", "b", "Bob")


def test_a_session_whose_code_runs_does_not_end() -> None:
    clock = Clock()
    leases = Leases(clock)
    leases.take("pump", "a", "Ann").uses += 1
    clock.now_s += 10 * LEASE_S

    assert leases.expired() == []
    with pytest.raises(InUseError):
        leases.take("pump", "b", "Bob")


CODES = {
    "nothing": "",
    "a line": "print(1)",
    "a program": "for i in range(10):\n    print(i)\n" * 400,
    "quotes": '"\\' * 3000,
    "control characters": "\x01" * 3000,
    "other scripts": "چاپ(«سلام»)\n" * 500,
    "beyond the first plane": "\U0001f600" * 2000,
}


@pytest.mark.parametrize("what", CODES)
def test_code_is_split_into_parts_that_fit_into_a_packet(what: str) -> None:
    parts = list(split(CODES[what]))

    assert "".join(parts) == CODES[what] and parts
    assert all(len(json.dumps(part, ensure_ascii=False).encode()) <= PART_BYTES_MAX for part in parts)
