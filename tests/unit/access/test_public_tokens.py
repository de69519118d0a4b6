"""Tokens of /public/tokens: who gets them, when and how many; and a database that fails."""

from __future__ import annotations

import re
import sqlite3
from typing import Any

import pytest
from msgspec.structs import replace

from darvaz.gateway.access import Access, AccessPolicy, Admitted, Caller, Refused
from darvaz.gateway.access.decisions import ENROLMENT_NOT_PROVEN
from darvaz.gateway.access.gate import MINTS_PER_MINUTE_MAX
from darvaz.gateway.access.tokens import UNUSED_PER_NETWORK_MAX, UNUSED_TOTAL_MAX
from tests.support.clock import Clock
from tests.unit.access.callers import BOARD, LOCAL, PAGE, bearing, code, with_policy

# Public tokens


def test_tokens_are_given_out_in_the_guides_shape(access: Access) -> None:
    answer = access.public_tokens(LOCAL)

    assert isinstance(answer, dict)
    assert list(answer) == ["status", "pico_tokens", "esp32cam_tokens", "timestamp", "message"]
    assert answer["status"] == "success"
    assert answer["message"] == "Use these tokens in the Authorization header as 'Bearer <token>'"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", answer["timestamp"])
    for kind in ("pico", "esp32cam"):
        (text,) = answer[f"{kind}_tokens"]
        assert isinstance(access.admit_device(bearing(BOARD, text), kind), Admitted)


def test_each_call_gives_new_tokens(access: Access) -> None:
    first, second = access.public_tokens(LOCAL), access.public_tokens(LOCAL)

    assert isinstance(first, dict) and isinstance(second, dict)
    assert first["pico_tokens"] != second["pico_tokens"]


def test_tokens_are_given_to_other_machines_while_the_window_is_open(access: Access, clock: Clock) -> None:
    closed = access.public_tokens(BOARD)
    assert code(closed) == (403, "enrolment_closed")
    assert isinstance(closed, Refused) and "darvaz enrol" in closed.message

    access.enrolment.open_for(15)
    assert isinstance(access.public_tokens(BOARD), dict)

    clock.now_s += 15 * 60
    assert code(access.public_tokens(BOARD)) == (403, "enrolment_closed")


def test_the_first_start_opens_the_window_for_a_quarter_of_an_hour(
    connection: sqlite3.Connection, clock: Clock
) -> None:
    access = Access(connection, AccessPolicy(), clock, clock)

    assert access.enrolment.seconds_left() == 900.0
    assert isinstance(access.public_tokens(BOARD), dict)


@pytest.mark.parametrize("policy", ["always", "never"])
def test_a_policy_without_a_window_does_not_open_it(connection: sqlite3.Connection, clock: Clock, policy: str) -> None:
    access = Access(connection, AccessPolicy(public_tokens=policy), clock, clock)  # type: ignore[arg-type]

    assert access.enrolment.seconds_left() == 0.0


def test_the_policy_always_gives_tokens_to_anyone(connection: sqlite3.Connection, clock: Clock) -> None:
    access = with_policy(connection, clock, AccessPolicy(public_tokens="always"))

    assert isinstance(access.public_tokens(BOARD), dict)


def test_the_policy_never_gives_tokens_to_no_caller(connection: sqlite3.Connection, clock: Clock) -> None:
    access = with_policy(connection, clock, AccessPolicy(public_tokens="never"))
    access.enrolment.open_for(15)

    for caller in (LOCAL, BOARD):
        refused = access.public_tokens(caller)
        assert code(refused) == (403, "enrolment_closed")
        assert isinstance(refused, Refused) and "darvaz token issue" in refused.message


@pytest.mark.parametrize(
    "change",
    [
        {"origin": "https://attacker.example"},
        {"origin": "null"},
        {"is_cross_site": True},
    ],
)
@pytest.mark.parametrize("caller", [LOCAL, BOARD])
def test_foreign_pages_get_no_tokens(
    connection: sqlite3.Connection, clock: Clock, caller: Caller, change: dict[str, Any]
) -> None:
    access = with_policy(connection, clock, AccessPolicy(public_tokens="always"))

    assert code(access.public_tokens(replace(caller, **change))) == (403, "origin_not_allowed")
    assert access.tokens.list() == []


def test_a_browser_that_calls_the_gateway_by_its_address_gets_tokens(access: Access) -> None:
    access.enrolment.open_for(15)

    assert isinstance(access.public_tokens(replace(PAGE, origin=None)), dict)


def test_an_address_of_this_machine_alone_gets_no_tokens(access: Access) -> None:
    unproven = replace(LOCAL, is_local_program=False)

    refused = access.public_tokens(unproven)

    assert refused is ENROLMENT_NOT_PROVEN
    assert "darvaz enrol" in ENROLMENT_NOT_PROVEN.message
    shown = access.operators.local_token.text
    assert isinstance(access.public_tokens(bearing(unproven, shown)), dict)
    assert code(access.public_tokens(bearing(BOARD, shown))) == (403, "enrolment_closed")
    access.enrolment.open_for(15)
    assert isinstance(access.public_tokens(unproven), dict)


def test_a_caller_that_is_asked_about_twice_is_counted_once(access: Access) -> None:
    for _ in range(MINTS_PER_MINUTE_MAX):
        assert access.public_tokens(replace(LOCAL, is_local_program=False)) is ENROLMENT_NOT_PROVEN
        assert isinstance(access.public_tokens(LOCAL), dict)

    assert code(access.public_tokens(LOCAL)) == (429, "too_many_tokens")


def test_localhost_behind_a_proxy_is_not_trusted(access: Access) -> None:
    assert code(access.public_tokens(replace(LOCAL, is_forwarded=True))) == (403, "enrolment_closed")


def test_one_call_beyond_the_rate_must_wait(access: Access, clock: Clock) -> None:
    for _ in range(MINTS_PER_MINUTE_MAX):
        assert isinstance(access.public_tokens(LOCAL), dict)

    refused = access.public_tokens(LOCAL)

    assert code(refused) == (429, "too_many_tokens")
    assert isinstance(refused, Refused) and refused.retry_after_s == 60.0
    assert code(access.public_tokens(BOARD)) == (403, "enrolment_closed")
    clock.now_s += 60
    assert isinstance(access.public_tokens(LOCAL), dict)


def test_no_tokens_are_given_out_while_too_many_are_unused(access: Access) -> None:
    for site in range(UNUSED_TOTAL_MAX // UNUSED_PER_NETWORK_MAX):
        assert access.tokens.mint(["pico"] * UNUSED_PER_NETWORK_MAX, f"10.0.1.{site}") is not None

    assert code(access.public_tokens(LOCAL)) == (429, "too_many_tokens")


# A failing database


def test_a_full_disk_gives_no_tokens_and_says_so(access: Access, connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA query_only = 1")

    refused = access.public_tokens(LOCAL)

    assert code(refused) == (503, "unavailable")
    assert isinstance(refused, Refused) and refused.retry_after_s is not None


def test_without_its_database_everyone_is_refused_and_links_stay(
    access: Access, caplog: pytest.LogCaptureFixture
) -> None:
    issued = access.tokens.issue("pico")
    access.close()

    assert code(access.admit_device(bearing(BOARD, issued.text), "pico")) == (503, "unavailable")
    assert code(access.admit_with_token(BOARD, "pico", issued.text)) == (503, "unavailable")
    assert code(access.bind(Admitted(issued.token_id), "pico_1")) == (503, "unavailable")
    assert code(access.operator(bearing(BOARD, issued.text), state_changing=False)) == (503, "unavailable")
    assert issued.token_id not in access.invalid_tokens()
    assert access.admit_device(LOCAL, "pico") == Admitted(None)
    assert "everyone is refused" in caplog.text
    assert issued.text not in caplog.text
