"""Tokens and devices: bound to the first device, minted for new ones, deleted when expired."""

from __future__ import annotations

from darvaz.gateway.access import DEVICE_KINDS, Issued, Tokens
from darvaz.gateway.access.tokens import (
    MINTED_LIFE_S,
    MINTED_PER_DEVICE_MAX,
    UNUSED_PER_NETWORK_MAX,
    UNUSED_TOTAL_MAX,
)
from tests.support.clock import Clock

HERE = "192.168.1.7"
MONTH_S = 30 * 86_400.0


def mint_one(tokens: Tokens, address: str = HERE) -> Issued:
    minted = tokens.mint(["pico"], address)
    assert minted is not None
    return minted[0]


def is_let_in(tokens: Tokens, issued: Issued, kind: str = "pico") -> bool:
    return tokens.check(issued.text, kind, HERE) is not None


# Binding


def test_the_first_device_keeps_a_token(tokens: Tokens) -> None:
    issued = tokens.issue("pico")

    assert tokens.bind(issued.token_id, "pico_1")
    assert tokens.bind(issued.token_id, "pico_1")
    assert not tokens.bind(issued.token_id, "pico_2")
    assert [token.device for token in tokens.list()] == ["pico_1"]


def test_a_token_of_one_device_is_refused_for_others(tokens: Tokens) -> None:
    issued = tokens.issue("pico", device="pico_1")

    assert not tokens.bind(issued.token_id, "pico_2")
    assert tokens.bind(issued.token_id, "pico_1")


def test_one_device_may_have_several_tokens(tokens: Tokens) -> None:
    first, second = tokens.issue("pico"), tokens.issue("pico")

    assert tokens.bind(first.token_id, "pico_1")
    assert tokens.bind(second.token_id, "pico_1")


def test_an_invalid_token_is_not_bound(tokens: Tokens, clock: Clock) -> None:
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


def test_a_minted_token_that_a_device_uses_does_not_expire(tokens: Tokens, clock: Clock) -> None:
    issued = mint_one(tokens)
    assert tokens.bind(issued.token_id, "pico_1")

    clock.now_s += 20 * MONTH_S

    assert is_let_in(tokens, issued)


def test_one_unused_token_of_a_network_beyond_the_maximum_deletes_the_oldest(tokens: Tokens, clock: Clock) -> None:
    minted = []
    for _ in range(UNUSED_PER_NETWORK_MAX + 1):
        clock.now_s += 1
        minted.append(mint_one(tokens))
    elsewhere = mint_one(tokens, "10.0.0.9")

    assert not is_let_in(tokens, minted[0])
    assert is_let_in(tokens, minted[1])
    assert is_let_in(tokens, elsewhere)
    assert len(tokens.list()) == UNUSED_PER_NETWORK_MAX + 1


def test_tokens_in_use_are_not_deleted_for_new_ones(tokens: Tokens, clock: Clock) -> None:
    used = mint_one(tokens)
    tokens.bind(used.token_id, "pico_1")
    for _ in range(UNUSED_PER_NETWORK_MAX + 1):
        clock.now_s += 1
        mint_one(tokens)

    assert is_let_in(tokens, used)


def fill(tokens: Tokens, clock: Clock) -> None:
    """Mints the maximum of unused tokens, the maximum of each network in turn."""
    for site in range(UNUSED_TOTAL_MAX // UNUSED_PER_NETWORK_MAX):
        assert tokens.mint(["pico"] * UNUSED_PER_NETWORK_MAX, f"10.0.1.{site}") is not None


def test_one_unused_token_beyond_the_total_maximum_is_not_minted(tokens: Tokens, clock: Clock) -> None:
    fill(tokens, clock)

    assert tokens.mint(["pico"], HERE) is None
    assert len(tokens.list()) == UNUSED_TOTAL_MAX


def test_minting_continues_when_unused_tokens_have_expired(tokens: Tokens, clock: Clock) -> None:
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


def test_tokens_that_another_network_fetched_are_not_superseded(tokens: Tokens, clock: Clock) -> None:
    own = mint_one(tokens)
    assert tokens.bind(own.token_id, "pico_1")
    for _ in range(MINTED_PER_DEVICE_MAX + 1):
        clock.now_s += 60
        assert tokens.bind(mint_one(tokens, "192.168.1.66").token_id, "pico_1")

    assert is_let_in(tokens, own)
    assert len(tokens.holders("pico_1")) == MINTED_PER_DEVICE_MAX + 1


# Forgetting


def test_unused_minted_tokens_are_deleted_when_they_expire(tokens: Tokens, clock: Clock) -> None:
    mint_one(tokens)

    clock.now_s += MINTED_LIFE_S
    tokens.prune()

    assert tokens.list() == []


def test_invalid_tokens_are_listed_for_a_month(tokens: Tokens, clock: Clock) -> None:
    living, revoked, expired = tokens.issue("pico"), tokens.issue("pico"), tokens.issue("pico", expires_in_s=1)
    tokens.revoke(revoked.token_id)

    clock.now_s += MONTH_S - 1
    tokens.prune()
    assert {token.token_id for token in tokens.list()} == {living.token_id, revoked.token_id, expired.token_id}

    clock.now_s += 2
    tokens.prune()
    assert tokens.check(living.text, "pico", None) is not None
    assert len(tokens.list()) == 3, "until a token is used, the clock may only be ahead"

    tokens.prune()
    assert [token.token_id for token in tokens.list()] == [living.token_id]
