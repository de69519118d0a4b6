"""Fixtures of all tests of access: a clock and a database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from darvaz.gateway.access import Access, AccessPolicy
from darvaz.gateway.access.tokens import Tokens
from darvaz.gateway.storage.database import open_database
from tests.support.clock import Clock
from tests.support.databases import open_new_database


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_new_database(tmp_path)) as connection:
        yield connection


@pytest.fixture
def tokens(connection: sqlite3.Connection, clock: Clock) -> Tokens:
    return Tokens(connection, clock)


@pytest.fixture
def other_process(tmp_path: Path, clock: Clock) -> Iterator[Tokens]:
    """The same tokens in another process: through another connection."""
    with closing(open_database(tmp_path)) as connection:
        yield Tokens(connection, clock)


@pytest.fixture
def access(connection: sqlite3.Connection, clock: Clock) -> Access:
    """Access with a closed enrolment window."""
    access = Access(connection, AccessPolicy(), clock, clock)
    access.enrolment.close()
    return access
