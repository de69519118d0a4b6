"""People and programs: tokens, browser sessions, roles, pages, and view links."""

from __future__ import annotations

import base64
import sqlite3

import pytest
from msgspec.structs import replace

from darvaz.gateway.access import Access, AccessPolicy, Admitted, AskToken, Caller, Need, SignedIn
from darvaz.gateway.access.decisions import LINK_USED, NO_ORIGIN, NO_SIGN_IN, NOT_AUTHORISED, OPERATORS_ONLY
from darvaz.gateway.access.rules import FAILURES_ALLOWED
from tests.support.clock import Clock
from tests.unit.access.callers import BROWSER, LOCAL, PAGE, bearing, code

PROGRAM = Caller("192.168.1.50", host="gateway.example:3000")
EVERY_NEED = list(Need)


@pytest.fixture
def access(connection: sqlite3.Connection, clock: Clock) -> Access:
    return Access(connection, AccessPolicy(), clock, clock)


def with_password(caller: Caller, password: str) -> Caller:
    return replace(caller, authorization="Basic " + base64.b64encode(f"nvr:{password}".encode()).decode())


def signed_in(access: Access, role: str = "operator", caller: Caller = PAGE) -> Caller:
    """Signs a browser in with a link and returns it with its cookie."""
    made = access.operators.sign_in(caller, access.operators.links.issue(role).text, "Firefox")  # type: ignore[arg-type]
    assert isinstance(made, SignedIn)
    return replace(caller, cookie=f"theme=dark; {access.operators.cookie_name}={made.text}")


# Signing in


def test_a_link_signs_a_browser_in_once(access: Access) -> None:
    text = access.operators.links.issue("operator").text

    first = access.operators.sign_in(PAGE, text, "Firefox")
    second = access.operators.sign_in(replace(PAGE, address="192.0.2.66"), text, "curl")

    assert isinstance(first, SignedIn) and first.role == "operator"
    assert second == LINK_USED
    assert [session.agent for session in access.operators.sessions.list()] == ["Firefox"]


@pytest.mark.parametrize("kind", ["operator", "viewer"])
def test_a_token_signs_a_browser_in_with_its_role(access: Access, kind: str) -> None:
    issued = access.tokens.issue(kind)

    made = access.operators.sign_in(PAGE, issued.text, "Firefox")

    assert isinstance(made, SignedIn) and made.role == kind
    assert access.operators.sessions.list()[0].token_id == issued.token_id


@pytest.mark.parametrize("kind", ["pico", "esp32cam"])
def test_a_boards_token_does_not_sign_in(access: Access, kind: str) -> None:
    assert access.operators.sign_in(PAGE, access.tokens.issue(kind).text, "") == NO_SIGN_IN


def test_a_secret_is_not_in_texts_for_logs(access: Access) -> None:
    made = access.operators.sign_in(PAGE, access.operators.links.issue().text, "")

    assert isinstance(made, SignedIn)
    assert made.text not in repr(made)
    assert "dvz_" not in repr(replace(PAGE, authorization="Bearer dvz_x", cookie="dvz_y"))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"origin": "http://attacker.example"}, "origin_not_allowed"),
        ({"origin": "http://192.168.1.2:8080"}, "origin_not_allowed"),
        ({"origin": "null"}, "origin_not_allowed"),
        ({"is_cross_site": True}, "origin_not_allowed"),
        ({"host": "attacker.example:3000", "origin": "http://attacker.example:3000"}, "host_not_allowed"),
    ],
)
def test_other_pages_cannot_sign_in(access: Access, change: dict[str, object], word: str) -> None:
    text = access.operators.links.issue().text

    assert code(access.operators.sign_in(replace(PAGE, **change), text, "")) == (403, word)
    assert isinstance(access.operators.sign_in(PAGE, text, ""), SignedIn), "the link was not used up"


def test_guessing_is_limited_by_address(access: Access) -> None:
    wrong = "dvz_aaaaaaaaaa_" + "A" * 43
    for _ in range(FAILURES_ALLOWED + 1):
        assert access.operators.sign_in(PAGE, wrong, "") == NO_SIGN_IN

    assert code(access.operators.sign_in(PAGE, wrong, "")) == (429, "too_many_failures")
    assert access.operators.sign_in(replace(PAGE, address="192.168.1.10"), wrong, "") == NO_SIGN_IN


# Browser sessions


@pytest.mark.parametrize("need", EVERY_NEED)
def test_an_owners_session_may_do_everything(access: Access, need: Need) -> None:
    browser = signed_in(access, "owner")

    admitted = access.operators.admit(browser, need)

    assert isinstance(admitted, Admitted)
    assert (admitted.role, admitted.session_id) == ("owner", access.operators.sessions.list()[0].session_id)


@pytest.mark.parametrize(
    ("need", "may"), [(Need.VIEW, True), (Need.ADMINISTER, False), (Need.CHANGE, False), (Need.LEAVE, True)]
)
def test_a_viewers_session_may_read_and_sign_out(access: Access, need: Need, may: bool) -> None:
    answer = access.operators.admit(signed_in(access, "viewer"), need)

    assert isinstance(answer, Admitted) if may else answer == OPERATORS_ONLY


def test_a_session_admits_only_its_browser(access: Access) -> None:
    signed_in(access)

    assert access.operators.admit(PAGE, Need.VIEW) == NOT_AUTHORISED


@pytest.mark.parametrize("need", [Need.CHANGE, Need.LEAVE])
def test_a_session_changes_nothing_without_an_origin(access: Access, need: Need) -> None:
    browser = replace(signed_in(access), origin=None)

    assert access.operators.admit(browser, need) == NO_ORIGIN
    assert isinstance(access.operators.admit(browser, Need.VIEW), Admitted)


@pytest.mark.parametrize("origin", ["http://attacker.example", "http://192.168.1.2:8080", "null"])
@pytest.mark.parametrize("need", EVERY_NEED)
def test_another_page_cannot_use_a_session(access: Access, origin: str, need: Need) -> None:
    answer = access.operators.admit(replace(signed_in(access), origin=origin), need)

    assert code(answer) == (403, "origin_not_allowed")


def test_a_page_behind_a_rebound_name_cannot_use_a_session(access: Access) -> None:
    rebound = replace(signed_in(access), host="attacker.example:3000", origin="http://attacker.example:3000")

    assert code(access.operators.admit(rebound, Need.VIEW)) == (403, "host_not_allowed")


def test_a_revoked_session_ends_at_once(access: Access) -> None:
    browser = signed_in(access)
    admitted = access.operators.admit(browser, Need.VIEW)
    assert isinstance(admitted, Admitted) and admitted.session_id and access.operators.is_still_admitted(admitted)

    access.operators.sessions.close(admitted.session_id)

    assert access.operators.admit(browser, Need.VIEW) == NOT_AUTHORISED
    assert not access.operators.is_still_admitted(admitted)


def test_revoking_a_token_ends_its_sessions(access: Access) -> None:
    issued = access.tokens.issue("operator")
    made = access.operators.sign_in(PAGE, issued.text, "")
    assert isinstance(made, SignedIn)
    browser = replace(PAGE, cookie=f"{access.operators.cookie_name}={made.text}")
    by_token = access.operators.admit(bearing(PROGRAM, issued.text), Need.VIEW)
    assert isinstance(by_token, Admitted) and access.operators.is_still_admitted(by_token)

    access.tokens.revoke(issued.token_id)

    assert access.operators.admit(browser, Need.VIEW) == NOT_AUTHORISED
    assert not access.operators.is_still_admitted(by_token)


def test_an_old_cookie_blocks_nobody(access: Access) -> None:
    stale = replace(PAGE, cookie=f"{access.operators.cookie_name}=dvz_aaaaaaaaaa_{'A' * 43}")
    for _ in range(FAILURES_ALLOWED + 2):
        assert access.operators.admit(stale, Need.VIEW) == NOT_AUTHORISED

    assert isinstance(access.operators.admit(signed_in(access), Need.VIEW), Admitted)


def test_an_old_cookie_does_not_end_the_localhost_rule(access: Access) -> None:
    stale = replace(LOCAL, cookie=f"{access.operators.cookie_name}=old")

    assert access.operators.admit(stale, Need.CHANGE) == Admitted(None, "owner")


def test_a_repeated_cookie_is_ignored(access: Access) -> None:
    browser = signed_in(access)

    twice = replace(browser, cookie=f"{browser.cookie}; {access.operators.cookie_name}=dvz_other")

    assert access.operators.admit(twice, Need.VIEW) == NOT_AUTHORISED


def test_a_session_works_while_its_address_is_blocked_for_guessing(access: Access) -> None:
    browser = signed_in(access)
    for _ in range(FAILURES_ALLOWED + 1):
        access.operators.sign_in(PAGE, "junk", "")

    assert isinstance(access.operators.admit(browser, Need.VIEW), Admitted)
    assert code(access.operators.admit(PAGE, Need.VIEW)) == (429, "too_many_failures")


# Passwords, for programs that know nothing else


def test_a_viewers_token_is_a_password(access: Access) -> None:
    issued = access.tokens.issue("viewer")

    assert access.operators.admit(with_password(PROGRAM, issued.text), Need.VIEW) == Admitted(issued.token_id, "viewer")
    assert access.operators.admit(with_password(PROGRAM, issued.text), Need.CHANGE) == OPERATORS_ONLY


def test_an_operators_token_is_not_a_password(access: Access) -> None:
    issued = access.tokens.issue("operator")

    assert access.operators.admit(with_password(PROGRAM, issued.text), Need.VIEW) == NOT_AUTHORISED


@pytest.mark.parametrize("password", ["dvz_", "dvz_aaaaaaaaaa_" + "A" * 43, "dvz_" + "x" * 5000])
def test_a_wrong_token_as_a_password_is_a_failure_like_all_others(access: Access, password: str) -> None:
    for _ in range(FAILURES_ALLOWED + 1):
        assert access.operators.admit(with_password(PROGRAM, password), Need.VIEW) == NOT_AUTHORISED

    assert code(access.operators.admit(PROGRAM, Need.VIEW)) == (429, "too_many_failures")


# The password of a proxy in front, which browsers send with every request


PROXY_PASSWORDS = ["Basic", "Basic !!!", "Basic /w==", "Basic b3duZXI6c2VjcmV0", "Basic " + "QUFB" * 5000, "Digest x"]


@pytest.mark.parametrize("header", PROXY_PASSWORDS)
def test_password_of_a_proxy_is_no_failed_attempt(access: Access, header: str) -> None:
    for _ in range(FAILURES_ALLOWED + 2):
        assert access.operators.admit(replace(PROGRAM, authorization=header), Need.VIEW) == NOT_AUTHORISED

    token = access.tokens.issue("operator")
    assert isinstance(access.operators.admit(bearing(PROGRAM, token.text), Need.VIEW), Admitted)


@pytest.mark.parametrize("header", PROXY_PASSWORDS)
def test_password_of_a_proxy_leaves_a_browser_signed_in(access: Access, header: str) -> None:
    seen = access.operators.admit(replace(signed_in(access), authorization=header), Need.CHANGE)

    assert isinstance(seen, Admitted) and seen.session_id is not None


def test_password_of_a_proxy_is_no_proof_of_this_machine(access: Access) -> None:
    caller = replace(LOCAL, authorization="Basic b3duZXI6c2VjcmV0")

    assert access.operators.admit(caller, Need.VIEW) == NOT_AUTHORISED
    assert isinstance(access.admit_device(caller, "pico"), AskToken)


# Links of one camera


def test_a_view_link_shows_its_camera_and_nothing_else(access: Access) -> None:
    until_s, signature = access.operators.signer.sign("porch", 10)

    seen = access.operators.admit_with_view_link(PROGRAM, "porch", until_s, signature)

    assert isinstance(seen, Admitted) and (seen.role, seen.until_s) == ("viewer", until_s)
    assert code(access.operators.admit_with_view_link(PROGRAM, "garden", until_s, signature)) == (401, "not_authorised")


def test_a_wrong_signature_blocks_nobody(access: Access) -> None:
    until_s, signature = access.operators.signer.sign("porch", 10)
    for _ in range(FAILURES_ALLOWED + 2):
        access.operators.admit_with_view_link(BROWSER, "porch", until_s, "wrong")

    assert isinstance(access.operators.admit_with_view_link(BROWSER, "porch", until_s, signature), Admitted)


def test_a_view_link_does_not_work_behind_a_rebound_name(access: Access) -> None:
    until_s, signature = access.operators.signer.sign("porch", 10)
    rebound = replace(BROWSER, host="attacker.example")

    assert code(access.operators.admit_with_view_link(rebound, "porch", until_s, signature)) == (
        403,
        "host_not_allowed",
    )


# A database that fails


def test_everyone_is_refused_while_the_database_fails(access: Access, connection: sqlite3.Connection) -> None:
    browser = signed_in(access)
    admitted = access.operators.admit(browser, Need.VIEW)
    connection.close()

    assert code(access.operators.admit(browser, Need.VIEW)) == (503, "unavailable")
    assert code(access.operators.sign_in(PAGE, "junk", "")) == (503, "unavailable")
    assert isinstance(admitted, Admitted) and access.operators.is_still_admitted(admitted)
