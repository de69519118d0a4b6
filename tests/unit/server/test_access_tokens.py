"""Tokens: made, checked, bound, revoked, forgotten, and never written down."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from darvaz.access import DEVICE_KINDS, KINDS, Issued, Tokens, redact
from darvaz.access.tokens import (
    MINTED_LIFE_S,
    MINTED_PER_DEVICE_MAX,
    UNUSED_PER_SITE_MAX,
    UNUSED_TOTAL_MAX,
)
from darvaz.store import open_database

HERE = "192.168.1.7"
MONTH_S = 30 * 86_400.0


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
def tokens(connection: sqlite3.Connection, clock: Clock) -> Tokens:
    return Tokens(connection, clock)


@pytest.fixture
def other_process(tmp_path: Path, clock: Clock) -> Iterator[Tokens]:
    """The same tokens as another process has them: through a connection of its own."""
    with closing(open_database(tmp_path)) as connection:
        yield Tokens(connection, clock)


def mint_one(tokens: Tokens, address: str = HERE) -> Issued:
    minted = tokens.mint(["pico"], address)
    assert minted is not None
    return minted[0]


def is_let_in(tokens: Tokens, issued: Issued, kind: str = "pico") -> bool:
    return tokens.check(issued.text, kind, HERE) is not None


# Making


def test_a_token_has_an_id_to_find_it_and_a_secret_of_256_bits(tokens: Tokens) -> None:
    issued = tokens.issue("pico")

    assert re.fullmatch(r"dvz_[a-z2-7]{10}_[A-Za-z0-9_-]{43}", issued.text)
    assert issued.text.split("_")[1] == issued.token_id


def test_no_two_tokens_are_alike(tokens: Tokens) -> None:
    texts = {tokens.issue("pico").text for _ in range(100)}

    assert len(texts) == 100


def test_a_token_of_an_unknown_kind_is_not_made(tokens: Tokens) -> None:
    with pytest.raises(ValueError, match="pico, esp32cam, operator, viewer"):
        tokens.issue("toaster")

    assert tokens.list() == []


@pytest.mark.parametrize("expires_in_s", [float("nan"), float("inf")])
def test_a_token_whose_end_is_no_number_is_not_made(tokens: Tokens, expires_in_s: float) -> None:
    with pytest.raises(ValueError, match="a number of seconds"):
        tokens.issue("pico", expires_in_s=expires_in_s)

    assert tokens.list() == []


def test_the_secret_is_nowhere_in_the_files(tokens: Tokens, connection: sqlite3.Connection, tmp_path: Path) -> None:
    issued = [tokens.issue("operator", label="mine"), mint_one(tokens)]
    assert is_let_in(tokens, issued[0], "operator")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    tokens.issue("viewer")

    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())

    assert b"mine" in written
    for token in issued:
        assert token.token_id.encode() in written
        assert token.text.split("_", 2)[2].encode() not in written


def test_a_token_does_not_show_its_secret_when_listed(tokens: Tokens) -> None:
    issued = tokens.issue("pico", label="shelf")

    assert issued.text.split("_", 2)[2] not in repr(tokens.list())


# Checking


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_lets_in_its_own_kind_and_no_other(tokens: Tokens, kind: str) -> None:
    issued = tokens.issue(kind)

    assert [other for other in KINDS if is_let_in(tokens, issued, other)] == [kind]


def test_a_checked_token_says_what_it_is(tokens: Tokens, clock: Clock) -> None:
    issued = tokens.issue("pico", label="shelf", expires_in_s=60, device="pico_1")

    token = tokens.check(issued.text, "pico", HERE)

    assert token is not None
    assert (token.token_id, token.kind, token.label, token.device) == (issued.token_id, "pico", "shelf", "pico_1")
    assert (token.created_s, token.expires_s, token.is_minted) == (clock.now_s, clock.now_s + 60, False)


def changed_secret(text: str) -> str:
    return text[:-1] + ("A" if text[-1] != "A" else "B")


@pytest.mark.parametrize(
    "spoil",
    [
        changed_secret,
        lambda text: text.replace(text.split("_")[1], "aaaaaaaaaa"),
        lambda text: text[:-1],
        lambda text: text + "A",
        lambda text: text + "\n",
        lambda text: " " + text,
        lambda text: text.upper(),
        lambda text: text.replace("dvz_", "dvz-"),
        lambda text: text.split("_")[1],
        lambda text: text.split("_", 2)[2],
        lambda text: text * 1000,
        lambda _: "",
        lambda _: "dvz__",
        lambda _: "\udcff\ud800",
        lambda _: "۱۲۳" * 20,
        lambda _: "' OR 1=1 --",
        lambda _: "\x00",
    ],
)
def test_a_spoilt_token_lets_nobody_in(tokens: Tokens, spoil: object) -> None:
    issued = tokens.issue("pico")

    assert callable(spoil)
    assert tokens.check(spoil(issued.text), "pico", HERE) is None
    assert is_let_in(tokens, issued)


def test_every_wrong_token_costs_the_same_work(tokens: Tokens, connection: sqlite3.Connection, clock: Clock) -> None:
    good, revoked = tokens.issue("pico"), tokens.issue("pico")
    expired, other_kind = tokens.issue("pico", expires_in_s=1), tokens.issue("viewer")
    tokens.revoke(revoked.token_id)
    clock.now_s += 2
    unknown = good.text.replace(good.token_id, "aaaaaaaaaa")
    wrong = [changed_secret(good.text), unknown, revoked.text, expired.text, other_kind.text, "junk", ""]
    statements: list[str] = []
    connection.set_trace_callback(statements.append)

    for text in wrong:
        assert tokens.check(text, "pico", HERE) is None

    assert len(statements) == len(wrong)
    assert all(statement.startswith("SELECT") for statement in statements)


def test_a_token_expires_at_its_time_and_not_before(tokens: Tokens, clock: Clock) -> None:
    issued = tokens.issue("pico", expires_in_s=60)

    clock.now_s += 59.9
    assert is_let_in(tokens, issued)

    clock.now_s += 0.1
    assert not is_let_in(tokens, issued)
    assert tokens.dead() == {issued.token_id}


def test_a_token_without_expiry_lives_for_years(tokens: Tokens, clock: Clock) -> None:
    issued = tokens.issue("pico")

    clock.now_s += 20 * 365 * 86_400

    assert is_let_in(tokens, issued)


def test_the_use_of_a_token_is_noted_once_a_minute(tokens: Tokens, clock: Clock) -> None:
    issued = tokens.issue("pico")
    tokens.check(issued.text, "pico", "10.0.0.1")
    first_s = clock.now_s

    clock.now_s += 59
    tokens.check(issued.text, "pico", "10.0.0.2")
    (token,) = tokens.list()
    assert (token.last_used_s, token.last_address) == (first_s, "10.0.0.1")

    clock.now_s += 1
    tokens.check(issued.text, "pico", "10.0.0.2")
    (token,) = tokens.list()
    assert (token.last_used_s, token.last_address) == (first_s + 60, "10.0.0.2")


def test_a_wrong_secret_is_no_use_of_a_token(tokens: Tokens) -> None:
    tokens.check(changed_secret(tokens.issue("pico").text), "pico", HERE)

    (token,) = tokens.list()
    assert token.last_used_s is None


def test_a_disk_that_cannot_note_the_use_keeps_nobody_out(
    tokens: Tokens, connection: sqlite3.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    issued = tokens.issue("pico")
    connection.execute("PRAGMA query_only = 1")

    assert is_let_in(tokens, issued)

    assert issued.token_id in caplog.text
    assert issued.text not in caplog.text


# Revoking


def test_a_revoked_token_lets_nobody_in(tokens: Tokens) -> None:
    issued = tokens.issue("pico")

    assert tokens.revoke(issued.token_id)

    assert not is_let_in(tokens, issued)
    assert tokens.dead() == {issued.token_id}


def test_a_token_is_revoked_once(tokens: Tokens) -> None:
    issued = tokens.issue("pico")
    tokens.revoke(issued.token_id)

    assert not tokens.revoke(issued.token_id)
    assert not tokens.revoke("unknown")


def test_another_process_sees_what_was_revoked_at_once(tokens: Tokens, other_process: Tokens) -> None:
    issued = tokens.issue("pico")
    assert is_let_in(tokens, issued)
    assert not tokens.dead()

    other_process.revoke(issued.token_id)

    assert not is_let_in(tokens, issued)
    assert tokens.dead() == {issued.token_id}


# Binding


def test_the_first_device_keeps_a_token(tokens: Tokens) -> None:
    issued = tokens.issue("pico")

    assert tokens.bind(issued.token_id, "pico_1")
    assert tokens.bind(issued.token_id, "pico_1")
    assert not tokens.bind(issued.token_id, "pico_2")
    assert [token.device for token in tokens.list()] == ["pico_1"]


def test_a_token_issued_for_one_device_is_for_no_other(tokens: Tokens) -> None:
    issued = tokens.issue("pico", device="pico_1")

    assert not tokens.bind(issued.token_id, "pico_2")
    assert tokens.bind(issued.token_id, "pico_1")


def test_one_device_may_have_several_tokens(tokens: Tokens) -> None:
    first, second = tokens.issue("pico"), tokens.issue("pico")

    assert tokens.bind(first.token_id, "pico_1")
    assert tokens.bind(second.token_id, "pico_1")


def test_a_dead_token_binds_to_nobody(tokens: Tokens, clock: Clock) -> None:
    revoked, expired = tokens.issue("pico"), tokens.issue("pico", expires_in_s=60)
    bound = tokens.issue("pico")
    assert tokens.bind(bound.token_id, "pico_1")
    tokens.revoke(revoked.token_id)
    tokens.revoke(bound.token_id)
    clock.now_s += 60

    for issued in (revoked, expired, bound):
        assert not tokens.bind(issued.token_id, "pico_1")
    assert not tokens.bind("aaaaaaaaaa", "pico_1")


def test_of_two_processes_that_bind_a_token_the_first_wins(tokens: Tokens, other_process: Tokens) -> None:
    issued = tokens.issue("pico")

    assert other_process.bind(issued.token_id, "pico_2")
    assert not tokens.bind(issued.token_id, "pico_1")


def test_binding_leaves_the_expiry_of_an_issued_token(tokens: Tokens, clock: Clock) -> None:
    issued = tokens.issue("pico", expires_in_s=60)
    tokens.bind(issued.token_id, "pico_1")

    clock.now_s += 60

    assert not is_let_in(tokens, issued)


# Minting


def test_one_token_is_minted_for_each_kind(tokens: Tokens) -> None:
    minted = tokens.mint(DEVICE_KINDS, HERE)

    assert minted is not None
    assert [is_let_in(tokens, issued, kind) for issued, kind in zip(minted, DEVICE_KINDS, strict=True)] == [True, True]


def test_a_minted_token_that_no_device_uses_ends_in_an_hour(tokens: Tokens, clock: Clock) -> None:
    issued = mint_one(tokens)
    assert is_let_in(tokens, issued)

    clock.now_s += MINTED_LIFE_S

    assert not is_let_in(tokens, issued)
    assert not tokens.bind(issued.token_id, "pico_1")


def test_a_minted_token_that_a_device_uses_lives_on(tokens: Tokens, clock: Clock) -> None:
    issued = mint_one(tokens)
    assert tokens.bind(issued.token_id, "pico_1")

    clock.now_s += 20 * MONTH_S

    assert is_let_in(tokens, issued)


def test_one_place_has_so_many_unused_tokens_and_the_oldest_makes_room(tokens: Tokens, clock: Clock) -> None:
    minted = []
    for _ in range(UNUSED_PER_SITE_MAX + 1):
        clock.now_s += 1
        minted.append(mint_one(tokens))
    elsewhere = mint_one(tokens, "10.0.0.9")

    assert not is_let_in(tokens, minted[0])
    assert is_let_in(tokens, minted[1])
    assert is_let_in(tokens, elsewhere)
    assert len(tokens.list()) == UNUSED_PER_SITE_MAX + 1


def test_tokens_in_use_do_not_make_room(tokens: Tokens, clock: Clock) -> None:
    used = mint_one(tokens)
    tokens.bind(used.token_id, "pico_1")
    for _ in range(UNUSED_PER_SITE_MAX + 1):
        clock.now_s += 1
        mint_one(tokens)

    assert is_let_in(tokens, used)


def fill(tokens: Tokens, clock: Clock) -> None:
    """Mints the most unused tokens that there may be, each place as many as it can have."""
    for site in range(UNUSED_TOTAL_MAX // UNUSED_PER_SITE_MAX):
        assert tokens.mint(["pico"] * UNUSED_PER_SITE_MAX, f"10.0.1.{site}") is not None


def test_one_beyond_the_most_unused_tokens_is_not_minted(tokens: Tokens, clock: Clock) -> None:
    fill(tokens, clock)

    assert tokens.mint(["pico"], HERE) is None
    assert len(tokens.list()) == UNUSED_TOTAL_MAX


def test_minting_goes_on_when_unused_tokens_have_expired(tokens: Tokens, clock: Clock) -> None:
    fill(tokens, clock)

    clock.now_s += MINTED_LIFE_S

    assert tokens.mint(["pico"], HERE) is not None
    assert len(tokens.list()) == 1


def test_a_device_that_fetches_a_token_at_each_start_leaves_a_bounded_number(tokens: Tokens, clock: Clock) -> None:
    kept = tokens.issue("pico")
    tokens.bind(kept.token_id, "pico_1")
    minted = []
    for _ in range(MINTED_PER_DEVICE_MAX + 1):
        clock.now_s += 60
        minted.append(mint_one(tokens))
        assert tokens.bind(minted[-1].token_id, "pico_1")

    assert not is_let_in(tokens, minted[0])
    assert is_let_in(tokens, minted[1])
    assert is_let_in(tokens, minted[-1])
    assert is_let_in(tokens, kept)


# Forgetting


def test_unused_minted_tokens_are_forgotten_when_they_end(tokens: Tokens, clock: Clock) -> None:
    mint_one(tokens)

    clock.now_s += MINTED_LIFE_S
    tokens.prune()

    assert tokens.list() == []


def test_dead_tokens_are_listed_for_a_month(tokens: Tokens, clock: Clock) -> None:
    living, revoked, expired = tokens.issue("pico"), tokens.issue("pico"), tokens.issue("pico", expires_in_s=1)
    tokens.revoke(revoked.token_id)

    clock.now_s += MONTH_S - 1
    tokens.prune()
    assert {token.token_id for token in tokens.list()} == {living.token_id, revoked.token_id, expired.token_id}

    clock.now_s += 2
    tokens.prune()
    assert [token.token_id for token in tokens.list()] == [living.token_id]


# Redaction


def test_a_real_token_is_redacted_to_its_id(tokens: Tokens) -> None:
    issued = tokens.issue("pico")

    said = redact(f'{{"type":"auth","token":"{issued.text}"}} and again {issued.text}.')

    assert said == f'{{"type":"auth","token":"dvz_{issued.token_id}_…"}} and again dvz_{issued.token_id}_….'


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("dvz_0123456789_secret", "dvz_0123456789_…"),
        ("dvz_AbCdEfGhIj_s-e_c-r-e-t", "dvz_AbCdEfGhIj_…"),
        ("xdvz_abcdefghij_secret1 y", "xdvz_abcdefghij_… y"),
        ("dvz_abcdefghijSECRETWITHOUTLINE", "dvz_abcdefghij_…"),
        ("dvz_short_secret", "dvz_short_…"),
        ("dvz_abcdefghij_…", "dvz_abcdefghij_…"),
        ("a token begins with dvz_", "a token begins with dvz_"),
        ("nothing to hide", "nothing to hide"),
        ("", ""),
    ],
)
def test_what_looks_like_a_token_is_redacted_and_nothing_else(text: str, redacted: str) -> None:
    assert redact(text) == redacted
