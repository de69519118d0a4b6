"""Tokens: issued, checked, revoked; their secrets are never stored."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from darvaz.gateway.access import KINDS, Issued, Tokens, redact
from tests.support.clock import Clock

HERE = "192.168.1.7"
MONTH_S = 30 * 86_400.0


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
    with pytest.raises(ValueError, match="pico, esp32cam, owner, operator, viewer"):
        tokens.issue("toaster")

    assert tokens.list() == []


@pytest.mark.parametrize("expires_in_s", [float("nan"), float("inf")])
def test_a_token_whose_end_is_not_finite_is_not_made(tokens: Tokens, expires_in_s: float) -> None:
    with pytest.raises(ValueError, match="a number of seconds"):
        tokens.issue("pico", expires_in_s=expires_in_s)

    assert tokens.list() == []


def test_the_secret_is_not_in_any_file(tokens: Tokens, connection: sqlite3.Connection, tmp_path: Path) -> None:
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
def test_a_token_is_valid_for_its_own_kind_only(tokens: Tokens, kind: str) -> None:
    issued = tokens.issue(kind, person="someone" if kind == "person" else None)

    assert [other for other in KINDS if is_let_in(tokens, issued, other)] == [kind]


def test_a_checked_token_has_its_fields(tokens: Tokens, clock: Clock) -> None:
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
def test_a_damaged_token_is_invalid(tokens: Tokens, spoil: object) -> None:
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
    assert tokens.invalid_ids() == {issued.token_id}


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


def test_a_wrong_secret_is_not_a_use_of_a_token(tokens: Tokens) -> None:
    tokens.check(changed_secret(tokens.issue("pico").text), "pico", HERE)

    (token,) = tokens.list()
    assert token.last_used_s is None


def test_a_disk_that_cannot_store_the_use_refuses_nobody(
    tokens: Tokens, connection: sqlite3.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    issued = tokens.issue("pico")
    connection.execute("PRAGMA query_only = 1")

    assert is_let_in(tokens, issued)
    assert [token.last_used_s for token in tokens.list()] == [None]

    assert issued.token_id in caplog.text
    assert issued.text not in caplog.text


# Revoking


def test_a_revoked_token_is_invalid(tokens: Tokens) -> None:
    issued = tokens.issue("pico")

    assert tokens.revoke(issued.token_id)

    assert not is_let_in(tokens, issued)
    assert tokens.invalid_ids() == {issued.token_id}


def test_a_token_is_revoked_once(tokens: Tokens) -> None:
    issued = tokens.issue("pico")
    tokens.revoke(issued.token_id)

    assert not tokens.revoke(issued.token_id)
    assert not tokens.revoke("unknown")


def test_another_process_sees_what_was_revoked_at_once(tokens: Tokens, other_process: Tokens) -> None:
    issued = tokens.issue("pico")
    assert is_let_in(tokens, issued)
    assert not tokens.invalid_ids()

    other_process.revoke(issued.token_id)

    assert not is_let_in(tokens, issued)
    assert tokens.invalid_ids() == {issued.token_id}


# Redaction


def test_a_real_token_is_redacted_to_its_id(tokens: Tokens) -> None:
    issued = tokens.issue("pico")

    text = redact(f'{{"type":"auth","token":"{issued.text}"}} and again {issued.text}.')

    assert text == f'{{"type":"auth","token":"dvz_{issued.token_id}_…"}} and again dvz_{issued.token_id}_….'


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
def test_text_that_looks_like_a_token_is_redacted_and_no_other(text: str, redacted: str) -> None:
    assert redact(text) == redacted
