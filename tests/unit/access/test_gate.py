"""Boards: which are admitted, which are asked for a token, and which device a token belongs to."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from darvaz.gateway.access import Access, AccessPolicy, Admitted, AskToken, Caller
from darvaz.gateway.access.decisions import NOT_AUTHORISED
from darvaz.gateway.storage.database import open_database
from tests.support.clock import Clock
from tests.unit.access.callers import BOARD, LOCAL, PAGE, bearing, code, with_policy

# A board's handshake


def test_a_board_on_this_machine_does_not_need_a_token(access: Access) -> None:
    assert access.admit_device(LOCAL, "pico") == Admitted(None)


def test_a_board_from_elsewhere_without_a_header_is_asked_for_a_token(access: Access) -> None:
    assert access.admit_device(BOARD, "pico") == AskToken()


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_board_with_its_token_is_admitted_by_any_scheme_name(access: Access, scheme: str) -> None:
    issued = access.tokens.issue("pico")

    greeted = access.admit_device(replace(BOARD, authorization=f"{scheme} {issued.text}"), "pico")

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
def test_a_caller_that_is_not_exactly_localhost_is_asked_for_a_token(access: Access, change: dict[str, Any]) -> None:
    assert access.admit_device(replace(LOCAL, **change), "pico") == AskToken()


@pytest.mark.parametrize("policy", [AccessPolicy(localhost_without_token=False), AccessPolicy(behind_proxy=True)])
def test_localhost_is_asked_for_a_token_where_it_is_not_trusted(
    connection: sqlite3.Connection, clock: Clock, policy: AccessPolicy
) -> None:
    access = with_policy(connection, clock, policy)

    assert access.admit_device(LOCAL, "pico") == AskToken()
    assert access.operator(LOCAL, state_changing=False) == NOT_AUTHORISED


@pytest.mark.parametrize("origin", ["https://attacker.example", "null", "http://localhost:8080", "http://"])
@pytest.mark.parametrize("caller", [LOCAL, BOARD])
def test_a_foreign_page_is_refused_even_with_a_token(access: Access, caller: Caller, origin: str) -> None:
    issued = access.tokens.issue("pico")
    page = replace(caller, origin=origin)

    assert code(access.admit_device(page, "pico")) == (403, "origin_not_allowed")
    assert code(access.admit_device(bearing(page, issued.text), "pico")) == (403, "origin_not_allowed")


def test_a_page_behind_a_rebound_name_is_refused(access: Access) -> None:
    rebound = replace(PAGE, host="attacker.example:3000", origin="http://attacker.example:3000")

    assert code(access.admit_device(rebound, "pico")) == (403, "host_not_allowed")
    assert code(access.operator(rebound, state_changing=False)) == (403, "host_not_allowed")
    assert code(access.public_tokens(rebound)) == (403, "host_not_allowed")


def test_a_page_of_the_gateway_is_asked_for_a_token(access: Access) -> None:
    assert access.admit_device(PAGE, "pico") == AskToken()


def test_listed_hosts_and_origins_are_allowed(connection: sqlite3.Connection, clock: Clock) -> None:
    policy = AccessPolicy(allowed_hosts=("gateway.example",), allowed_origins=("https://panel.example",))
    access = with_policy(connection, clock, policy)
    listed = replace(PAGE, host="gateway.example:3000", origin="https://panel.example")

    assert access.admit_device(listed, "pico") == AskToken()


# Binding


def test_a_token_belongs_to_the_first_device_that_uses_it(access: Access) -> None:
    admitted = Admitted(access.tokens.issue("pico").token_id)

    assert access.bind(admitted, "pico_1") == ()
    assert access.bind(admitted, "pico_1") == ()
    assert code(access.bind(admitted, "pico_2")) == (403, "not_allowed")


def test_localhost_may_be_any_device(access: Access) -> None:
    assert access.bind(Admitted(None), "pico_1") == ()
    assert access.bind(Admitted(None), "pico_2") == ()


def test_a_link_may_stay_until_its_token_is_revoked_in_another_process(access: Access, tmp_path: Path) -> None:
    issued = access.tokens.issue("pico")
    assert issued.token_id not in access.invalid_tokens()

    with closing(open_database(tmp_path)) as other:
        other.execute("UPDATE tokens SET revoked_s = 1 WHERE id = ?", (issued.token_id,))

    assert issued.token_id in access.invalid_tokens()
