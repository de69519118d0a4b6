"""Wrong tokens: the same refusal for all, and a limit for guessing."""

from __future__ import annotations

import sqlite3

import pytest
from msgspec.structs import replace

from darvaz.gateway.access import Access, AccessPolicy, Admitted, AskToken, Caller, Refused, SignedIn
from darvaz.gateway.access.decisions import NOT_AUTHORISED
from darvaz.gateway.access.rules import FAILURES_ALLOWED, FAILURES_WINDOW_S
from tests.support.clock import Clock
from tests.unit.access.callers import BOARD, LOCAL, PAGE, WRONG, bearing, code, fail

PAGE_OF_BOARD = replace(PAGE, address=BOARD.address)


def is_blocked(access: Access, address: str | None = BOARD.address) -> bool:
    """Whether an address with failures gets 429 for a request without a token, which counts as none."""
    answer = access.operator(replace(BOARD, address=address), state_changing=False)
    return isinstance(answer, Refused) and answer.status == 429


def wrong_callers(access: Access, clock: Clock) -> dict[str, Caller]:
    revoked, expired = access.tokens.issue("pico"), access.tokens.issue("pico", expires_in_s=1)
    good, other = access.tokens.issue("pico"), access.tokens.issue("esp32cam")
    access.tokens.revoke(revoked.token_id)
    clock.now_s += 2
    return {
        "unknown": bearing(BOARD, WRONG),
        "wrong secret": bearing(BOARD, good.text[:-2] + "--"),
        "revoked": bearing(BOARD, revoked.text),
        "expired": bearing(BOARD, expired.text),
        "other kind": bearing(BOARD, other.text),
        "operator's": bearing(BOARD, access.tokens.issue("operator").text),
        "malformed": bearing(BOARD, "hello"),
        "empty": replace(BOARD, authorization=""),
        "bare": replace(BOARD, authorization=good.text),
        "no token": replace(BOARD, authorization="Bearer"),
        "two": replace(BOARD, authorization=f"Bearer {good.text}, Bearer {good.text}"),
        "in the address": replace(BOARD, has_query_token=True),
        "in the address too": replace(bearing(BOARD, good.text), has_query_token=True),
        "of localhost": replace(bearing(LOCAL, WRONG), address="127.0.0.1"),
        "of localhost in the address": replace(LOCAL, has_query_token=True),
    }


def test_every_wrong_token_gets_the_same_answer(access: Access, clock: Clock) -> None:
    callers = wrong_callers(access, clock)

    answers = {}
    for number, (what, caller) in enumerate(callers.items()):
        # Each from an address of its own (of 127.0.0.0/8 where it was local), so that none is blocked.
        net = "127.0.0" if caller.address == LOCAL.address else "10.0.0"
        answers[what] = access.admit_device(replace(caller, address=f"{net}.{number + 1}"), "pico")

    assert answers == dict.fromkeys(callers, NOT_AUTHORISED)


def test_the_refusal_says_how_a_token_is_sent(access: Access) -> None:
    refused = access.admit_device(bearing(BOARD, WRONG), "pico")

    assert code(refused) == (401, "not_authorised")
    assert "Authorization: Bearer <token>" in NOT_AUTHORISED.message
    assert WRONG not in str(refused)


def test_a_token_in_the_first_message_is_checked_in_the_same_way(access: Access) -> None:
    issued = access.tokens.issue("pico")

    assert access.admit_with_token(BOARD, "pico", issued.text) == Admitted(issued.token_id)
    assert access.admit_with_token(BOARD, "esp32cam", issued.text) == NOT_AUTHORISED
    assert access.admit_with_token(BOARD, "pico", "junk") == NOT_AUTHORISED


def test_as_many_failures_as_allowed_block_nobody(access: Access) -> None:
    issued = access.tokens.issue("pico")
    fail(access, FAILURES_ALLOWED)

    assert access.admit_device(bearing(BOARD, issued.text), "pico") == Admitted(issued.token_id)


def test_more_failures_than_allowed_block_the_address(access: Access) -> None:
    issued = access.tokens.issue("pico")
    fail(access, FAILURES_ALLOWED + 1)

    answers = [
        access.admit_device(bearing(BOARD, WRONG), "pico"),
        access.operators.sign_in(PAGE_OF_BOARD, WRONG, "agent"),
        access.admit_with_token(BOARD, "pico", WRONG),
        access.operator(bearing(BOARD, issued.text), state_changing=False),
        access.operator(BOARD, state_changing=False),
    ]

    assert [code(answer) for answer in answers] == [(429, "too_many_failures")] * 5
    assert {answer.retry_after_s for answer in answers if isinstance(answer, Refused)} == {FAILURES_WINDOW_S}


def test_a_valid_token_is_accepted_from_a_blocked_address(access: Access) -> None:
    issued, operator = access.tokens.issue("pico"), access.tokens.issue("operator")
    fail(access, FAILURES_ALLOWED + 1)
    device = access.admit_device(bearing(BOARD, issued.text), "pico")
    fail(access, FAILURES_ALLOWED + 1)
    person = access.operator(bearing(BOARD, operator.text), state_changing=True)

    assert device == Admitted(issued.token_id)
    assert person == Admitted(operator.token_id)


def test_a_valid_token_in_the_first_message_is_accepted_from_a_blocked_address(access: Access) -> None:
    issued = access.tokens.issue("pico")
    fail(access, FAILURES_ALLOWED + 1)

    assert access.admit_device(BOARD, "pico") == AskToken()
    assert access.admit_with_token(BOARD, "pico", issued.text) == Admitted(issued.token_id)


@pytest.mark.parametrize("by", ["link", "token"])
def test_a_browser_of_a_blocked_address_signs_in(access: Access, by: str) -> None:
    secret = access.operators.links.issue().text if by == "link" else access.tokens.issue("operator").text
    fail(access, FAILURES_ALLOWED + 1)

    assert isinstance(access.operators.sign_in(PAGE_OF_BOARD, secret, "agent"), SignedIn)


def test_failures_of_every_kind_count_together(access: Access) -> None:
    fail(access, FAILURES_ALLOWED - 1)
    access.admit_with_token(BOARD, "pico", "junk")
    access.operator(bearing(BOARD, "junk"), state_changing=True)

    assert is_blocked(access)


def test_other_addresses_are_not_blocked(access: Access) -> None:
    fail(access, FAILURES_ALLOWED + 1)

    assert not is_blocked(access, "192.168.1.51")


def test_a_network_of_ipv6_addresses_is_blocked_as_one(access: Access) -> None:
    for number in range(FAILURES_ALLOWED + 1):
        fail(access, 1, replace(BOARD, address=f"2001:db8::{number:x}"))

    assert is_blocked(access, "2001:db8::ffff")
    assert not is_blocked(access, "2001:db8:0:1::1")


def test_a_blocked_address_may_try_again_after_five_minutes(access: Access, clock: Clock) -> None:
    issued = access.tokens.issue("pico")
    fail(access, FAILURES_ALLOWED + 1)

    clock.now_s += FAILURES_WINDOW_S

    assert access.admit_device(bearing(BOARD, issued.text), "pico") == Admitted(issued.token_id)


@pytest.mark.parametrize("jump_s", [-86_400, 86_400])
def test_a_wall_clock_that_is_set_changes_no_block(connection: sqlite3.Connection, clock: Clock, jump_s: float) -> None:
    wall = Clock()
    access = Access(connection, AccessPolicy(), wall, clock)
    fail(access, FAILURES_ALLOWED + 1)

    wall.now_s += jump_s
    assert is_blocked(access)

    clock.now_s += FAILURES_WINDOW_S
    assert not is_blocked(access)


def test_a_good_token_clears_the_failures_before_it(access: Access) -> None:
    issued = access.tokens.issue("pico")
    fail(access, FAILURES_ALLOWED)
    access.admit_device(bearing(BOARD, issued.text), "pico")

    fail(access, FAILURES_ALLOWED)

    assert access.admit_device(BOARD, "pico") == AskToken()


def test_a_token_of_another_kind_is_a_failure_of_its_address(access: Access) -> None:
    issued = access.tokens.issue("esp32cam")
    for _ in range(FAILURES_ALLOWED + 1):
        access.admit_device(bearing(BOARD, issued.text), "pico")

    assert is_blocked(access)


def test_foreign_pages_cannot_block_an_address(access: Access) -> None:
    page = replace(PAGE, origin="https://attacker.example")
    picture = replace(PAGE, origin=None, has_query_token=True)
    for _ in range(FAILURES_ALLOWED + 1):
        access.admit_device(bearing(page, WRONG), "pico")
        access.operator(picture, state_changing=False)

    assert access.admit_device(PAGE, "pico") == AskToken()


def test_wrong_tokens_of_a_local_program_do_not_block_this_machine(access: Access) -> None:
    fail(access, FAILURES_ALLOWED + 1, LOCAL)

    assert access.admit_device(LOCAL, "pico") == Admitted(None)
    assert access.operator(LOCAL, state_changing=True) == Admitted(None, "owner")
