"""Callers of this machine: an address proves nothing, the local token and the system's word do."""

from __future__ import annotations

import sqlite3

import pytest
from msgspec.structs import replace

from darvaz.gateway.access import Access, AccessPolicy, Admitted, Caller
from darvaz.gateway.access.decisions import NOT_PROVEN, Need
from darvaz.gateway.access.local_token import make_local_token
from darvaz.gateway.access.rules import FAILURES_ALLOWED
from tests.support.clock import Clock
from tests.unit.access.callers import BOARD, LOCAL, bearing, with_policy

FORWARDING = [
    "Via",
    "Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Real-IP",
    "CF-Connecting-IP",
    "True-Client-IP",
    "X-Client-IP",
    "CDN-Loop",
    "Fastly-Client-IP",
    "X-Cluster-Client-IP",
    "X-Envoy-External-Address",
    "X-Host",
]
UNPROVEN = replace(LOCAL, is_local_program=False)


def test_operator_is_not_admitted_by_the_address_alone(access: Access) -> None:
    assert [access.operators.admit(UNPROVEN, need) for need in Need] == [NOT_PROVEN] * len(Need)


def test_board_on_localhost_needs_no_token_as_the_guide_says(access: Access) -> None:
    assert access.admit_device(UNPROVEN, "pico") == Admitted(None)


def test_local_token_admits_as_operator(access: Access) -> None:
    caller = bearing(UNPROVEN, access.operators.local_token.text)

    assert access.operators.admit(caller, Need.CHANGE) == Admitted(None, "owner")


def test_local_token_is_new_at_each_start(connection: sqlite3.Connection, clock: Clock) -> None:
    first, second = (with_policy(connection, clock, AccessPolicy()) for _ in range(2))

    assert second.operators.admit(bearing(UNPROVEN, first.operators.local_token.text), Need.VIEW) == NOT_PROVEN


@pytest.mark.parametrize(
    "caller",
    [
        BOARD,
        replace(UNPROVEN, is_forwarded=True),
        replace(UNPROVEN, host="gateway.example:3000"),
        replace(UNPROVEN, origin="http://evil.example"),
    ],
)
def test_local_token_admits_nobody_from_elsewhere(access: Access, caller: Caller) -> None:
    shown = bearing(caller, access.operators.local_token.text)

    assert not isinstance(access.operators.admit(shown, Need.VIEW), Admitted)


def test_local_token_is_none_of_a_board(access: Access) -> None:
    shown = bearing(UNPROVEN, access.operators.local_token.text)

    assert not isinstance(access.admit_device(shown, "pico"), Admitted)


@pytest.mark.parametrize("policy", [AccessPolicy(localhost_without_token=False), AccessPolicy(behind_proxy=True)])
def test_local_token_is_not_taken_where_the_localhost_rule_is_off(
    connection: sqlite3.Connection, clock: Clock, policy: AccessPolicy
) -> None:
    access = with_policy(connection, clock, policy)
    shown = bearing(LOCAL, access.operators.local_token.text)

    assert not isinstance(access.operators.admit(shown, Need.VIEW), Admitted)


def test_local_token_of_an_earlier_start_counts_as_no_token(access: Access) -> None:
    old = bearing(LOCAL, make_local_token().text)

    for _ in range(FAILURES_ALLOWED + 2):
        assert access.operators.admit(old, Need.CHANGE) == Admitted(None, "owner")
    issued = access.tokens.issue("operator")
    assert access.operators.admit(bearing(BOARD, issued.text), Need.CHANGE) == Admitted(issued.token_id)


def test_local_token_is_not_shown_by_the_parts_that_hold_it(access: Access) -> None:
    secret = access.operators.local_token.text.rpartition("_")[2]

    assert secret not in repr(access.operators.local_token)


@pytest.mark.parametrize("name", FORWARDING)
def test_board_behind_a_proxy_that_says_so_needs_a_token(access: Access, name: str) -> None:
    headers = [(b"host", b"localhost:3000"), (name.encode(), b"1.1 somewhere")]

    caller = Caller.from_headers("127.0.0.1", headers, b"")

    assert not isinstance(access.admit_device(caller, "pico"), Admitted)
    assert not isinstance(access.operators.admit(replace(caller, is_local_program=True), Need.VIEW), Admitted)
