"""Who calls in these tests, what they show, and what they are told."""

from __future__ import annotations

import sqlite3

from msgspec.structs import replace

from darvaz.gateway.access import Access, AccessPolicy, Caller, Refused
from darvaz.gateway.access.decisions import NOT_AUTHORISED
from tests.support.clock import Clock

LOCAL = Caller("127.0.0.1", host="localhost:3000", is_local_program=True)
BOARD = Caller("192.168.1.50", host="gateway.example:3000")
BROWSER = Caller("192.168.1.9", host="192.168.1.2:3000", has_browser_headers=True)
PAGE = replace(BROWSER, origin="http://192.168.1.2:3000")
WRONG = "dvz_aaaaaaaaaa_" + "A" * 43


def with_policy(connection: sqlite3.Connection, clock: Clock, policy: AccessPolicy) -> Access:
    """Returns access with this policy and a closed enrolment window."""
    access = Access(connection, policy, clock, clock)
    access.enrolment.close()
    return access


def bearing(caller: Caller, text: str) -> Caller:
    """Returns a caller with a token in its header."""
    return replace(caller, authorization=f"Bearer {text}")


def code(decision: object) -> tuple[int, str]:
    """Returns status and code of a refusal."""
    assert isinstance(decision, Refused), decision
    return decision.status, decision.code


def fail(access: Access, times: int, caller: Caller = BOARD) -> None:
    """Sends a wrong token a number of times."""
    for _ in range(times):
        assert access.admit_device(bearing(caller, WRONG), "pico") == NOT_AUTHORISED
