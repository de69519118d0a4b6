"""A wall clock that is set while the gateway runs: boards get the new time, and waits do not become longer."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from darvaz.gateway.access import Access, AccessPolicy, Caller, Tokens
from darvaz.gateway.access.rules import FAILURES_WINDOW_S
from darvaz.gateway.app import build_parts
from darvaz.gateway.parts import Parts
from darvaz.gateway.settings import Settings
from darvaz.gateway.storage.database import opened

NOON_S = 1_790_000_000.0
DAY_S = 86_400.0
EXTERNAL = Caller("203.0.113.9", host="192.168.1.2:3000")


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    made = build_parts(Settings(data=str(tmp_path)))
    yield made
    made.devices.close()
    made.access.close()


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with opened(tmp_path) as connection:
        yield connection


@pytest.mark.parametrize("jump_s", [-400 * DAY_S, -3600.0, 3600.0, 400 * DAY_S])
def test_boards_get_the_time_that_the_wall_clock_has_now(
    parts: Parts, monkeypatch: pytest.MonkeyPatch, jump_s: float
) -> None:
    before = parts.unix_offset_s
    now = time.time

    monkeypatch.setattr("darvaz.gateway.parts.time.time", lambda: now() + jump_s)

    assert parts.unix_offset_s == pytest.approx(before + jump_s, abs=5)


def test_a_clock_set_back_neither_blocks_nor_opens_for_longer_than_asked(connection: sqlite3.Connection) -> None:
    now_s, running_s = [NOON_S], [0.0]
    access = Access(connection, AccessPolicy(), lambda: now_s[0], lambda: running_s[0])
    for _ in range(12):
        access.admit_with_token(EXTERNAL, "pico", "dvz_aaaaaaaaaa_wrong")
    access.enrolment.open_for(15)

    now_s[0] -= 2 * DAY_S
    running_s[0] += FAILURES_WINDOW_S

    assert access.rules.blocked(EXTERNAL) is None
    assert access.enrolment.seconds_left() == 600.0


def test_tokens_outlive_a_clock_set_back_and_forth(connection: sqlite3.Connection) -> None:
    now_s = [NOON_S]
    tokens = Tokens(connection, lambda: now_s[0])
    issued = tokens.issue("pico", expires_in_s=DAY_S)

    now_s[0] -= 30 * DAY_S
    assert tokens.check(issued.text, "pico", None) is not None
    now_s[0] = NOON_S + 1
    assert tokens.check(issued.text, "pico", None) is not None
    now_s[0] = NOON_S + DAY_S + 1
    assert tokens.check(issued.text, "pico", None) is None
