"""Shares: for each caller, for all viewers, and a reserve for operators."""

from __future__ import annotations

import pytest

from darvaz.gateway.shares import Shares


@pytest.fixture
def shares() -> Shares:
    return Shares(total_max=5, per_caller_max=2, viewers_max=3)


def test_a_caller_has_its_share_and_no_more(shares: Shares) -> None:
    entered = [shares.enter("a", is_operator=False) for _ in range(3)]

    assert entered == [True, True, False]
    assert shares.enter("b", is_operator=False)


def test_viewers_together_leave_a_reserve_for_operators(shares: Shares) -> None:
    viewers = [shares.enter(name, is_operator=False) for name in "abcd"]

    assert viewers == [True, True, True, False]
    assert [shares.enter("o", is_operator=True) for _ in range(2)] == [True, True]
    assert not shares.enter("p", is_operator=True)


def test_what_is_left_may_be_had_again(shares: Shares) -> None:
    for _ in range(2):
        shares.enter("a", is_operator=False)
    shares.leave("a", is_operator=False)

    assert shares.enter("a", is_operator=False)


def test_a_share_lasts_as_long_as_its_block(shares: Shares) -> None:
    with pytest.raises(ValueError), shares.entered("a", is_operator=True) as first:
        with shares.entered("a", is_operator=True), shares.entered("a", is_operator=True) as third:
            assert (first, third) == (True, False)
        raise ValueError

    assert [shares.enter("a", is_operator=True) for _ in range(3)] == [True, True, False]
