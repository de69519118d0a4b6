"""Browser sessions and links: opened once, checked by hash, ended by command, by time and with their token."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from darvaz.gateway.access import Tokens, redact
from darvaz.gateway.access.browser_sessions import AGENT_CHARS_MAX, IDLE_S, LIFE_S, SESSIONS_MAX, BrowserSessions
from darvaz.gateway.access.sign_in_links import LINK_MINUTES, LINK_MINUTES_MAX, LINKS_MAX, SignInLinks
from darvaz.gateway.access.view_links import VIEW_MINUTES_MAX, Signer
from darvaz.gateway.storage.database import DATABASE_NAME, open_database
from tests.support.clock import Clock

HERE = "192.168.1.7"
DAY_S = 86_400.0


@pytest.fixture
def sessions(connection: sqlite3.Connection, clock: Clock) -> BrowserSessions:
    return BrowserSessions(connection, clock)


@pytest.fixture
def links(connection: sqlite3.Connection, clock: Clock) -> SignInLinks:
    return SignInLinks(connection, clock)


@pytest.fixture
def signer(connection: sqlite3.Connection, clock: Clock) -> Signer:
    return Signer(connection, clock)


# Browser sessions


def test_a_session_is_found_by_its_credential(sessions: BrowserSessions) -> None:
    made = sessions.open("viewer", HERE, "Firefox", None)

    found = sessions.check(made.text, HERE)

    assert found is not None
    assert (found.session_id, found.role, found.agent, found.last_address) == (made.identity, "viewer", "Firefox", HERE)


def test_a_sessions_secret_is_not_in_the_file(
    sessions: BrowserSessions, connection: sqlite3.Connection, tmp_path: Path
) -> None:
    made = sessions.open("operator", HERE, "", None)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    assert made.text.split("_", 2)[2].encode() not in (tmp_path / DATABASE_NAME).read_bytes()
    assert made.identity.encode() in (tmp_path / DATABASE_NAME).read_bytes()


@pytest.mark.parametrize("text", ["", "junk", "dvz_aaaaaaaaaa_" + "A" * 43, "dvz_" * 5000, "\ud800"])
def test_any_other_text_is_not_a_session(sessions: BrowserSessions, text: str) -> None:
    sessions.open("operator", HERE, "", None)

    assert sessions.check(text, HERE) is None


def test_the_id_with_another_secret_is_not_a_session(sessions: BrowserSessions) -> None:
    made = sessions.open("operator", HERE, "", None)

    assert sessions.check(f"dvz_{made.identity}_{'A' * 43}", HERE) is None


def test_a_closed_session_ends_at_once(sessions: BrowserSessions) -> None:
    made = sessions.open("operator", HERE, "", None)

    assert sessions.close(made.identity)
    assert not sessions.close(made.identity)
    assert sessions.check(made.text, HERE) is None
    assert not sessions.is_live(made.identity)


@pytest.mark.parametrize(("idle_s", "is_live"), [(IDLE_S - 1, True), (IDLE_S, False)])
def test_an_unused_session_ends_by_itself(
    sessions: BrowserSessions, clock: Clock, idle_s: float, is_live: bool
) -> None:
    made = sessions.open("operator", HERE, "", None)

    clock.now_s += idle_s

    assert sessions.is_live(made.identity) is is_live
    assert (sessions.check(made.text, HERE) is not None) is is_live


def test_a_session_in_use_lives_longer_and_still_ends(sessions: BrowserSessions, clock: Clock) -> None:
    made = sessions.open("operator", HERE, "", None)
    began_s = clock.now_s

    while clock.now_s < began_s + LIFE_S - 20 * DAY_S:
        clock.now_s += 20 * DAY_S
        assert sessions.check(made.text, HERE) is not None
    clock.now_s = began_s + LIFE_S

    assert sessions.check(made.text, HERE) is None


def test_a_session_ends_with_the_token_that_opened_it(
    sessions: BrowserSessions, connection: sqlite3.Connection, clock: Clock
) -> None:
    tokens = Tokens(connection, clock)
    revoked, expiring = tokens.issue("operator"), tokens.issue("operator", expires_in_s=60)
    first = sessions.open("operator", HERE, "", revoked.token_id)
    second = sessions.open("operator", HERE, "", expiring.token_id)
    assert sessions.is_live(first.identity) and sessions.is_live(second.identity)

    tokens.revoke(revoked.token_id)
    clock.now_s += 60

    assert sessions.list() == []
    assert sessions.check(first.text, HERE) is None and sessions.check(second.text, HERE) is None


def test_one_session_beyond_the_maximum_ends_the_least_recently_used(sessions: BrowserSessions, clock: Clock) -> None:
    made = []
    for _ in range(SESSIONS_MAX):
        made.append(sessions.open("operator", HERE, "", None))
        clock.now_s += 1
    clock.now_s += 60
    sessions.check(made[0].text, HERE)

    newest = sessions.open("operator", HERE, "", None)

    assert len(sessions.list()) == SESSIONS_MAX
    assert sessions.is_live(made[0].identity) and sessions.is_live(newest.identity)
    assert not sessions.is_live(made[1].identity)


def test_a_long_user_agent_is_cut(sessions: BrowserSessions) -> None:
    sessions.open("operator", HERE, "x" * (AGENT_CHARS_MAX + 1), None)

    assert [session.agent for session in sessions.list()] == ["x" * AGENT_CHARS_MAX]


def test_sessions_are_listed_by_last_use_without_the_expired(sessions: BrowserSessions, clock: Clock) -> None:
    first = sessions.open("operator", HERE, "", None)
    clock.now_s += 100
    second = sessions.open("viewer", HERE, "", None)
    assert [session.session_id for session in sessions.list()] == [second.identity, first.identity]

    clock.now_s += IDLE_S
    sessions.prune()
    assert sessions.list() == []

    # A clock that was ahead for a while signs nobody out for good.
    clock.now_s -= IDLE_S
    assert [session.session_id for session in sessions.list()] == [second.identity, first.identity]


# Sign-in links


def test_a_link_signs_in_once(links: SignInLinks) -> None:
    made = links.issue("viewer")

    first, second = links.use(made.text), links.use(made.text)

    assert first is not None and (first.role, first.is_first_use) == ("viewer", True)
    assert second is not None and not second.is_first_use


def test_a_link_is_used_by_one_of_two_processes(links: SignInLinks, tmp_path: Path, clock: Clock) -> None:
    made = links.issue()
    with closing(open_database(tmp_path)) as other:
        uses = [SignInLinks(other, clock).use(made.text), links.use(made.text)]

    assert [use.is_first_use for use in uses if use] == [True, False]


@pytest.mark.parametrize(("after_s", "is_good"), [(LINK_MINUTES * 60 - 1, True), (LINK_MINUTES * 60, False)])
def test_a_link_expires(links: SignInLinks, clock: Clock, after_s: float, is_good: bool) -> None:
    made = links.issue()

    clock.now_s += after_s

    assert (links.use(made.text) is not None) is is_good


def test_a_wrong_secret_does_not_use_a_link_up(links: SignInLinks) -> None:
    made = links.issue()

    assert links.use(f"dvz_{made.identity}_{'A' * 43}") is None
    assert links.use(made.text) is not None


@pytest.mark.parametrize("minutes", [0, -1, LINK_MINUTES_MAX + 1, float("nan"), float("inf")])
def test_lifetimes_out_of_bounds_are_refused(links: SignInLinks, signer: Signer, minutes: float) -> None:
    with pytest.raises(ValueError, match="link lives for up to"):
        links.issue("operator", minutes)
    with pytest.raises(ValueError, match="link lives for up to"):
        signer.sign("porch", minutes * 7)


def test_one_link_beyond_the_maximum_deletes_the_oldest(links: SignInLinks, clock: Clock) -> None:
    made = []
    for _ in range(LINKS_MAX + 1):
        made.append(links.issue())
        clock.now_s += 0.1

    assert links.use(made[0].text) is None
    assert links.use(made[1].text) is not None


def test_a_links_secret_is_redacted_where_it_is_written() -> None:
    assert "SECRET" not in redact("http://192.0.2.1:3000/sign-in#dvz_abcdefghij_SECRETSECRET")


# Signed links


def test_a_signature_is_for_one_camera_and_one_end(signer: Signer) -> None:
    until_s, signature = signer.sign("porch", 10)

    assert signer.is_signed("porch", until_s, signature)
    assert not signer.is_signed("garden", until_s, signature)
    assert not signer.is_signed("porch", until_s + 1, signature)
    assert not signer.is_signed("porch", until_s, signature[:-1])
    assert not signer.is_signed("porch", until_s, "\ud800é")


def test_a_signature_is_for_the_device_that_was_first_seen_then(signer: Signer) -> None:
    until_s, signature = signer.sign("porch", 10, since_s=1.25)

    assert signer.is_signed("porch", until_s, signature, since_s=1.25)
    assert not signer.is_signed("porch", until_s, signature, since_s=2.5)


def test_a_signature_expires(signer: Signer, clock: Clock) -> None:
    until_s, signature = signer.sign("porch", 10)

    clock.now_s += 600

    assert not signer.is_signed("porch", until_s, signature)


def test_signatures_survive_a_restart_and_are_invalid_for_other_gateways(
    signer: Signer, connection: sqlite3.Connection, clock: Clock, tmp_path: Path
) -> None:
    until_s, signature = signer.sign("porch", VIEW_MINUTES_MAX)

    assert Signer(connection, clock).is_signed("porch", until_s, signature)
    with closing(open_database(tmp_path / "other")) as other:
        assert not Signer(other, clock).is_signed("porch", until_s, signature)
        assert Signer(other, clock).gateway_code != signer.gateway_code
