"""Requests of people and programs, by the method `Access.operator`."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from darvaz.gateway.access import Access, Admitted
from darvaz.gateway.access.decisions import NOT_AUTHORISED
from darvaz.gateway.access.rules import FAILURES_ALLOWED
from tests.unit.access.callers import BOARD, LOCAL, bearing, code


@pytest.mark.parametrize("state_changing", [False, True])
def test_this_machine_is_an_operator_without_a_token(access: Access, state_changing: bool) -> None:
    assert access.operator(LOCAL, state_changing) == Admitted(None, "owner")


@pytest.mark.parametrize("state_changing", [False, True])
def test_an_operator_from_elsewhere_needs_a_token(access: Access, state_changing: bool) -> None:
    issued = access.tokens.issue("operator")

    assert access.operator(BOARD, state_changing) == NOT_AUTHORISED
    assert access.operator(bearing(BOARD, issued.text), state_changing) == Admitted(issued.token_id)


def test_a_viewer_reads_and_changes_nothing(access: Access) -> None:
    issued = access.tokens.issue("viewer")
    viewer = bearing(BOARD, issued.text)

    assert access.operator(viewer, state_changing=False) == Admitted(issued.token_id, "viewer")
    assert code(access.operator(viewer, state_changing=True)) == (403, "not_allowed")


def test_a_viewer_without_permission_is_not_blocked(access: Access) -> None:
    viewer = bearing(BOARD, access.tokens.issue("viewer").text)
    for _ in range(FAILURES_ALLOWED + 1):
        access.operator(viewer, state_changing=True)

    assert isinstance(access.operator(viewer, state_changing=False), Admitted)


@pytest.mark.parametrize("kind", ["pico", "esp32cam"])
def test_a_board_is_not_an_operator(access: Access, kind: str) -> None:
    board = bearing(BOARD, access.tokens.issue(kind).text)

    assert access.operator(board, state_changing=False) == NOT_AUTHORISED


def test_an_operators_token_in_the_url_is_not_checked(access: Access) -> None:
    good = bearing(BOARD, access.tokens.issue("operator").text)

    assert access.operator(replace(good, has_query_token=True), state_changing=False) == NOT_AUTHORISED
    assert access.operator(replace(LOCAL, has_query_token=True), state_changing=False) == NOT_AUTHORISED


def test_a_foreign_page_is_not_an_operator(access: Access) -> None:
    foreign = replace(LOCAL, origin="https://attacker.example", has_browser_headers=True)

    for state_changing in (False, True):
        assert code(access.operator(foreign, state_changing)) == (403, "origin_not_allowed")


def test_a_form_of_another_site_changes_nothing_on_this_machine(access: Access) -> None:
    caused = replace(LOCAL, has_browser_headers=True, is_cross_site=True)

    assert code(access.operator(caused, state_changing=True)) == (403, "origin_not_allowed")
    assert access.operator(caused, state_changing=False) == Admitted(None, "owner")


def test_a_program_may_use_any_host_name_of_the_gateway(access: Access) -> None:
    issued = access.tokens.issue("operator")

    assert access.operator(bearing(BOARD, issued.text), state_changing=True) == Admitted(issued.token_id)
