"""The gate: what boards, people and strangers are answered."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from darvaz.access import Access, AccessPolicy, Admitted, AskToken, Caller, Refused
from darvaz.access.decisions import NOT_AUTHORISED
from darvaz.access.gate import MINTS_PER_MINUTE_MAX
from darvaz.access.rules import FAILURES_ALLOWED, FAILURES_WINDOW_S
from darvaz.access.tokens import UNUSED_PER_SITE_MAX, UNUSED_TOTAL_MAX
from darvaz.store import open_database

LOCAL = Caller("127.0.0.1", host="localhost:3000")
BOARD = Caller("192.168.1.50", host="gateway.example:3000")
PAGE = Caller("192.168.1.9", host="192.168.1.2:3000", origin="http://192.168.1.2:3000", has_browser_headers=True)
WRONG = "dvz_aaaaaaaaaa_" + "A" * 43


@dataclass
class Clock:
    now_s: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_database(tmp_path)) as connection:
        yield connection


@pytest.fixture
def access(connection: sqlite3.Connection, clock: Clock) -> Access:
    """A gate with its enrolment window closed."""
    access = Access(connection, AccessPolicy(), clock)
    access.enrolment.close()
    return access


def with_policy(connection: sqlite3.Connection, clock: Clock, policy: AccessPolicy) -> Access:
    access = Access(connection, policy, clock)
    access.enrolment.close()
    return access


def bearing(caller: Caller, text: str) -> Caller:
    return replace(caller, authorization=f"Bearer {text}")


def code(decision: object) -> tuple[int, str]:
    assert isinstance(decision, Refused), decision
    return decision.status, decision.code


# A board's handshake


def test_a_board_of_this_machine_needs_no_token(access: Access) -> None:
    assert access.greet(LOCAL, "pico") == Admitted(None)


def test_a_board_from_elsewhere_without_a_header_is_asked_for_a_token(access: Access) -> None:
    assert access.greet(BOARD, "pico") == AskToken()


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_board_with_its_token_is_let_in_by_any_name_of_the_gateway(access: Access, scheme: str) -> None:
    issued = access.tokens.issue("pico")

    greeted = access.greet(replace(BOARD, authorization=f"{scheme} {issued.text}"), "pico")

    assert greeted == Admitted(issued.token_id)


@pytest.mark.parametrize(
    "change",
    [
        {"is_forwarded": True},
        {"host": "attacker.example:3000"},
        {"host": "192.168.1.2:3000"},
        {"host": None},
        {"address": "192.168.1.50"},
        {"address": None},
    ],
)
def test_what_is_not_quite_localhost_is_asked_for_a_token(access: Access, change: dict[str, object]) -> None:
    assert access.greet(replace(LOCAL, **change), "pico") == AskToken()


@pytest.mark.parametrize("policy", [AccessPolicy(localhost_without_token=False), AccessPolicy(behind_proxy=True)])
def test_localhost_is_asked_for_a_token_where_it_is_not_trusted(
    connection: sqlite3.Connection, clock: Clock, policy: AccessPolicy
) -> None:
    access = with_policy(connection, clock, policy)

    assert access.greet(LOCAL, "pico") == AskToken()
    assert access.operator(LOCAL, state_changing=False) == NOT_AUTHORISED


@pytest.mark.parametrize("origin", ["https://attacker.example", "null", "http://localhost:8080", "http://"])
@pytest.mark.parametrize("caller", [LOCAL, BOARD])
def test_a_foreign_page_is_refused_even_with_a_token(access: Access, caller: Caller, origin: str) -> None:
    issued = access.tokens.issue("pico")
    page = replace(caller, origin=origin)

    assert code(access.greet(page, "pico")) == (403, "origin_not_allowed")
    assert code(access.greet(bearing(page, issued.text), "pico")) == (403, "origin_not_allowed")


def test_a_page_behind_a_rebound_name_is_refused(access: Access) -> None:
    rebound = replace(PAGE, host="attacker.example:3000", origin="http://attacker.example:3000")

    assert code(access.greet(rebound, "pico")) == (403, "host_not_allowed")
    assert code(access.operator(rebound, state_changing=False)) == (403, "host_not_allowed")
    assert code(access.public_tokens(rebound)) == (403, "host_not_allowed")


def test_a_page_of_the_gateway_is_asked_for_a_token(access: Access) -> None:
    assert access.greet(PAGE, "pico") == AskToken()


def test_listed_hosts_and_origins_may_ask(connection: sqlite3.Connection, clock: Clock) -> None:
    policy = AccessPolicy(allowed_hosts=("gateway.example",), allowed_origins=("https://panel.example",))
    access = with_policy(connection, clock, policy)
    listed = replace(PAGE, host="gateway.example:3000", origin="https://panel.example")

    assert access.greet(listed, "pico") == AskToken()


# Wrong tokens


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
        "basic": replace(BOARD, authorization=f"Basic {good.text}"),
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
        answers[what] = access.greet(replace(caller, address=f"{net}.{number + 1}"), "pico")

    assert answers == dict.fromkeys(callers, NOT_AUTHORISED)


def test_the_refusal_says_how_a_token_is_shown(access: Access) -> None:
    refused = access.greet(bearing(BOARD, WRONG), "pico")

    assert code(refused) == (401, "not_authorised")
    assert "Authorization: Bearer <token>" in NOT_AUTHORISED.message
    assert WRONG not in str(refused)


def test_a_token_in_the_first_message_is_judged_alike(access: Access) -> None:
    issued = access.tokens.issue("pico")

    assert access.show_token(BOARD, "pico", issued.text) == Admitted(issued.token_id)
    assert access.show_token(BOARD, "esp32cam", issued.text) == NOT_AUTHORISED
    assert access.show_token(BOARD, "pico", "junk") == NOT_AUTHORISED


def fail(access: Access, times: int, caller: Caller = BOARD) -> None:
    for _ in range(times):
        assert access.greet(bearing(caller, WRONG), "pico") == NOT_AUTHORISED


def test_as_many_failures_as_allowed_block_nobody(access: Access) -> None:
    issued = access.tokens.issue("pico")
    fail(access, FAILURES_ALLOWED)

    assert access.greet(bearing(BOARD, issued.text), "pico") == Admitted(issued.token_id)


def test_more_failures_than_allowed_block_the_address_without_looking(
    access: Access, connection: sqlite3.Connection
) -> None:
    issued = access.tokens.issue("pico")
    fail(access, FAILURES_ALLOWED + 1)
    statements: list[str] = []
    connection.set_trace_callback(statements.append)

    answers = [
        access.greet(bearing(BOARD, issued.text), "pico"),
        access.greet(BOARD, "pico"),
        access.show_token(BOARD, "pico", issued.text),
        access.operator(bearing(BOARD, issued.text), state_changing=False),
        access.operator(BOARD, state_changing=False),
    ]

    assert [code(answer) for answer in answers] == [(429, "too_many_failures")] * 5
    assert {answer.retry_after_s for answer in answers if isinstance(answer, Refused)} == {FAILURES_WINDOW_S}
    assert statements == []


def test_failures_of_every_kind_count_together(access: Access) -> None:
    fail(access, FAILURES_ALLOWED - 1)
    access.show_token(BOARD, "pico", "junk")
    access.operator(bearing(BOARD, "junk"), state_changing=True)

    assert code(access.greet(BOARD, "pico")) == (429, "too_many_failures")


def test_other_addresses_are_not_blocked(access: Access) -> None:
    fail(access, FAILURES_ALLOWED + 1)

    assert access.greet(replace(BOARD, address="192.168.1.51"), "pico") == AskToken()


def test_a_network_of_ipv6_addresses_is_blocked_as_one(access: Access) -> None:
    for number in range(FAILURES_ALLOWED + 1):
        fail(access, 1, replace(BOARD, address=f"2001:db8::{number:x}"))

    assert code(access.greet(replace(BOARD, address="2001:db8::ffff"), "pico")) == (429, "too_many_failures")
    assert access.greet(replace(BOARD, address="2001:db8:0:1::1"), "pico") == AskToken()


def test_a_blocked_address_may_try_again_after_five_minutes(access: Access, clock: Clock) -> None:
    issued = access.tokens.issue("pico")
    fail(access, FAILURES_ALLOWED + 1)

    clock.now_s += FAILURES_WINDOW_S

    assert access.greet(bearing(BOARD, issued.text), "pico") == Admitted(issued.token_id)


def test_a_good_token_clears_the_failures_before_it(access: Access) -> None:
    issued = access.tokens.issue("pico")
    fail(access, FAILURES_ALLOWED)
    access.greet(bearing(BOARD, issued.text), "pico")

    fail(access, FAILURES_ALLOWED)

    assert access.greet(BOARD, "pico") == AskToken()


def test_a_token_shown_to_the_wrong_door_is_a_failure_of_its_address(access: Access) -> None:
    issued = access.tokens.issue("esp32cam")
    for _ in range(FAILURES_ALLOWED + 1):
        access.greet(bearing(BOARD, issued.text), "pico")

    assert code(access.greet(BOARD, "pico")) == (429, "too_many_failures")


def test_foreign_pages_cannot_lock_an_address_out(access: Access) -> None:
    page = replace(PAGE, origin="https://attacker.example")
    picture = replace(PAGE, origin=None, has_query_token=True)
    for _ in range(FAILURES_ALLOWED + 1):
        access.greet(bearing(page, WRONG), "pico")
        access.operator(picture, state_changing=False)

    assert access.greet(PAGE, "pico") == AskToken()


def test_wrong_tokens_of_a_local_program_do_not_lock_this_machine_out(access: Access) -> None:
    fail(access, FAILURES_ALLOWED + 1, LOCAL)

    assert access.greet(LOCAL, "pico") == Admitted(None)
    assert access.operator(LOCAL, state_changing=True) == Admitted(None)


# Binding


def test_a_token_is_for_the_first_device_that_shows_it(access: Access) -> None:
    admitted = Admitted(access.tokens.issue("pico").token_id)

    assert access.bind(admitted, "pico_1") is None
    assert access.bind(admitted, "pico_1") is None
    assert code(access.bind(admitted, "pico_2")) == (403, "not_allowed")


def test_localhost_may_be_any_device(access: Access) -> None:
    assert access.bind(Admitted(None), "pico_1") is None
    assert access.bind(Admitted(None), "pico_2") is None


def test_a_link_may_stay_until_its_token_is_revoked_elsewhere(access: Access, tmp_path: Path) -> None:
    issued = access.tokens.issue("pico")
    assert issued.token_id not in access.dead_tokens()

    with closing(open_database(tmp_path)) as other:
        other.execute("UPDATE tokens SET revoked_s = 1 WHERE id = ?", (issued.token_id,))

    assert issued.token_id in access.dead_tokens()


# Operators


@pytest.mark.parametrize("state_changing", [False, True])
def test_this_machine_operates_without_a_token(access: Access, state_changing: bool) -> None:
    assert access.operator(LOCAL, state_changing) == Admitted(None)


@pytest.mark.parametrize("state_changing", [False, True])
def test_an_operator_from_elsewhere_needs_a_token(access: Access, state_changing: bool) -> None:
    issued = access.tokens.issue("operator")

    assert access.operator(BOARD, state_changing) == NOT_AUTHORISED
    assert access.operator(bearing(BOARD, issued.text), state_changing) == Admitted(issued.token_id)


def test_a_viewer_looks_and_changes_nothing(access: Access) -> None:
    issued = access.tokens.issue("viewer")
    viewer = bearing(BOARD, issued.text)

    assert access.operator(viewer, state_changing=False) == Admitted(issued.token_id, "viewer")
    assert code(access.operator(viewer, state_changing=True)) == (403, "not_allowed")


def test_a_viewer_who_reaches_too_far_is_not_locked_out(access: Access) -> None:
    viewer = bearing(BOARD, access.tokens.issue("viewer").text)
    for _ in range(FAILURES_ALLOWED + 1):
        access.operator(viewer, state_changing=True)

    assert isinstance(access.operator(viewer, state_changing=False), Admitted)


@pytest.mark.parametrize("kind", ["pico", "esp32cam"])
def test_a_board_is_no_operator(access: Access, kind: str) -> None:
    board = bearing(BOARD, access.tokens.issue(kind).text)

    assert access.operator(board, state_changing=False) == NOT_AUTHORISED


def test_an_operators_token_in_the_address_is_not_looked_at(access: Access) -> None:
    good = bearing(BOARD, access.tokens.issue("operator").text)

    assert access.operator(replace(good, has_query_token=True), state_changing=False) == NOT_AUTHORISED
    assert access.operator(replace(LOCAL, has_query_token=True), state_changing=False) == NOT_AUTHORISED


def test_a_foreign_page_operates_nothing(access: Access) -> None:
    foreign = replace(LOCAL, origin="https://attacker.example", has_browser_headers=True)

    for state_changing in (False, True):
        assert code(access.operator(foreign, state_changing)) == (403, "origin_not_allowed")


def test_a_form_of_another_site_changes_nothing_on_this_machine(access: Access) -> None:
    caused = replace(LOCAL, has_browser_headers=True, is_cross_site=True)

    assert code(access.operator(caused, state_changing=True)) == (403, "origin_not_allowed")
    assert access.operator(caused, state_changing=False) == Admitted(None)


def test_a_program_may_call_the_gateway_by_any_name(access: Access) -> None:
    issued = access.tokens.issue("operator")

    assert access.operator(bearing(BOARD, issued.text), state_changing=True) == Admitted(issued.token_id)


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
        assert isinstance(access.greet(bearing(BOARD, text), kind), Admitted)


def test_each_call_gives_fresh_tokens(access: Access) -> None:
    first, second = access.public_tokens(LOCAL), access.public_tokens(LOCAL)

    assert isinstance(first, dict) and isinstance(second, dict)
    assert first["pico_tokens"] != second["pico_tokens"]


def test_from_elsewhere_tokens_are_given_out_while_the_window_is_open(access: Access, clock: Clock) -> None:
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
    access = Access(connection, AccessPolicy(), clock)

    assert access.enrolment.seconds_left() == 900.0
    assert isinstance(access.public_tokens(BOARD), dict)


@pytest.mark.parametrize("policy", ["always", "never"])
def test_a_policy_without_a_window_opens_none(connection: sqlite3.Connection, clock: Clock, policy: str) -> None:
    access = Access(connection, AccessPolicy(public_tokens=policy), clock)  # type: ignore[arg-type]

    assert access.enrolment.seconds_left() == 0.0


def test_the_policy_always_gives_tokens_to_anyone(connection: sqlite3.Connection, clock: Clock) -> None:
    access = with_policy(connection, clock, AccessPolicy(public_tokens="always"))

    assert isinstance(access.public_tokens(BOARD), dict)


def test_the_policy_never_gives_tokens_to_nobody(connection: sqlite3.Connection, clock: Clock) -> None:
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
    connection: sqlite3.Connection, clock: Clock, caller: Caller, change: dict[str, object]
) -> None:
    access = with_policy(connection, clock, AccessPolicy(public_tokens="always"))

    assert code(access.public_tokens(replace(caller, **change))) == (403, "origin_not_allowed")
    assert access.tokens.list() == []


def test_a_browser_that_calls_the_gateway_by_its_address_gets_tokens(access: Access) -> None:
    access.enrolment.open_for(15)

    assert isinstance(access.public_tokens(replace(PAGE, origin=None)), dict)


def test_localhost_behind_a_proxy_is_a_stranger(access: Access) -> None:
    assert code(access.public_tokens(replace(LOCAL, is_forwarded=True))) == (403, "enrolment_closed")


def test_one_call_beyond_the_rate_gets_no_tokens_for_a_while(access: Access, clock: Clock) -> None:
    for _ in range(MINTS_PER_MINUTE_MAX):
        assert isinstance(access.public_tokens(LOCAL), dict)

    refused = access.public_tokens(LOCAL)

    assert code(refused) == (429, "too_many_tokens")
    assert isinstance(refused, Refused) and refused.retry_after_s == 60.0
    assert code(access.public_tokens(BOARD)) == (403, "enrolment_closed")
    clock.now_s += 60
    assert isinstance(access.public_tokens(LOCAL), dict)


def test_no_tokens_are_given_out_while_too_many_are_unused(access: Access) -> None:
    for site in range(UNUSED_TOTAL_MAX // UNUSED_PER_SITE_MAX):
        assert access.tokens.mint(["pico"] * UNUSED_PER_SITE_MAX, f"10.0.1.{site}") is not None

    assert code(access.public_tokens(LOCAL)) == (429, "too_many_tokens")


# A failing database


def test_a_full_disk_gives_no_tokens_and_says_so(access: Access, connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA query_only = 1")

    refused = access.public_tokens(LOCAL)

    assert code(refused) == (503, "unavailable")
    assert isinstance(refused, Refused) and refused.retry_after_s is not None


def test_a_gate_without_its_database_stays_shut_but_ends_no_link(
    access: Access, caplog: pytest.LogCaptureFixture
) -> None:
    issued = access.tokens.issue("pico")
    access.close()

    assert code(access.greet(bearing(BOARD, issued.text), "pico")) == (503, "unavailable")
    assert code(access.show_token(BOARD, "pico", issued.text)) == (503, "unavailable")
    assert code(access.bind(Admitted(issued.token_id), "pico_1")) == (503, "unavailable")
    assert code(access.operator(bearing(BOARD, issued.text), state_changing=False)) == (503, "unavailable")
    assert issued.token_id not in access.dead_tokens()
    assert access.greet(LOCAL, "pico") == Admitted(None)
    assert "the gate stays shut" in caplog.text
    assert issued.text not in caplog.text
