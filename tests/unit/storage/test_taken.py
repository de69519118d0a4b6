"""The numbers that a database has: added in the transaction of the messages, and loaded at the start."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from darvaz.gateway.storage.database import open_database
from darvaz.gateway.storage.taken import forget_taken, load_taken, write_taken


@pytest.fixture
def connection(tmp_path: Path) -> sqlite3.Connection:
    return open_database(tmp_path)


def test_what_was_written_is_known_after_the_start(connection: sqlite3.Connection) -> None:
    write_taken(connection, [("pico", "b1", [0, 1]), ("gate", "x", [7])])
    write_taken(connection, [("pico", "b1", [3]), ("pico", "b2", [0])])

    known = load_taken(connection)

    assert [known.take("pico", "b1", number) for number in (0, 1, 2, 3, 4)] == [None, None, 0, None, 0]
    assert [known.take("pico", "b2", number) for number in (0, 1)] == [None, 0]
    assert known.take("gate", "x", 8) == 0


def test_a_forgotten_device_begins_again(connection: sqlite3.Connection) -> None:
    write_taken(connection, [("pico", "b1", [0])])
    forget_taken(connection, "pico")

    assert load_taken(connection).take("pico", "b1", 0) == 0


def test_a_transaction_that_fails_takes_nothing(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN")
    write_taken(connection, [("pico", "b1", [0])])
    connection.execute("ROLLBACK")

    assert load_taken(connection).take("pico", "b1", 0) == 0
