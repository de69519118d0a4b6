"""Whether a new token may take an id that another token holds."""

from __future__ import annotations

import pytest

from darvaz.gateway.access import Access, Admitted
from darvaz.gateway.access import gate as gate_module
from tests.unit.access.callers import code

HERE, ELSEWHERE = "192.168.1.7", "192.168.1.66"


def mint(access: Access, address: str = HERE) -> Admitted:
    minted = access.tokens.mint(["pico"], address)
    assert minted is not None
    return Admitted(minted[0].token_id)


def test_fetched_token_takes_the_id_of_a_fetched_token_whose_board_is_away(access: Access) -> None:
    own, guest = mint(access), mint(access, ELSEWHERE)
    assert access.bind(own, "pico_1") == ()

    assert access.bind(guest, "pico_1") == (own.token_id,)
    assert access.tokens.is_live(own.token_id or "")


def test_fetched_token_does_not_take_the_id_of_a_board_that_is_online_elsewhere(access: Access) -> None:
    own, guest = mint(access), mint(access, ELSEWHERE)
    access.bind(own, "pico_1")

    assert code(access.bind(guest, "pico_1", is_elsewhere=True)) == (403, "not_allowed")
    assert [token.token_id for token in access.tokens.holders("pico_1")] == [own.token_id]


def test_fetched_token_does_not_take_the_id_of_a_token_that_an_operator_issued(access: Access) -> None:
    issued = access.tokens.issue("pico", device="pico_1")

    assert code(access.bind(mint(access), "pico_1")) == (403, "not_allowed")
    access.tokens.revoke(issued.token_id)
    assert access.bind(mint(access), "pico_1") == ()


def test_token_that_an_operator_issued_takes_any_id(access: Access) -> None:
    own = mint(access)
    access.bind(own, "pico_1")

    assert access.bind(Admitted(access.tokens.issue("pico").token_id), "pico_1", is_elsewhere=True) == (own.token_id,)


def test_one_token_beyond_the_most_that_hold_an_id_is_refused(access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_module, "HOLDERS_PER_DEVICE_MAX", 2)
    access.bind(mint(access), "pico_1")
    access.bind(mint(access), "pico_1")

    assert code(access.bind(mint(access), "pico_1")) == (403, "not_allowed")


def test_board_keeps_its_id_with_its_own_token(access: Access) -> None:
    own = mint(access)
    access.bind(own, "pico_1")
    access.bind(mint(access, ELSEWHERE), "pico_1")

    assert access.bind(own, "pico_1", is_elsewhere=True) == ()
