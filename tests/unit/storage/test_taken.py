"""The numbers that a database has: added in the transaction of the messages, and loaded at the start."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from darvaz.gateway.storage import taken
from darvaz.gateway.storage.database import open_database
from darvaz.gateway.storage.sequences import Sequences
from darvaz.gateway.storage.taken import drop_oldest, forget_taken, load_taken, write_known, write_taken


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


def test_a_fresh_database_gets_what_memory_knows_but_of_boards_whose_entries_wait(
    connection: sqlite3.Connection,
) -> None:
    known = Sequences()
    for device in ("pico", "gate"):
        known.take(device, "b1", 4)
    write_known(connection, known, {"gate"})

    found = load_taken(connection)
    assert (found.take("pico", "b1", 5), found.take("pico", "b1", 4)) == (0, None)
    assert found.take("gate", "b1", 4) == 4


def test_one_board_beyond_the_maximum_forgets_the_one_that_was_silent_longest(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taken, "DEVICES_MAX", 2)
    for device in ("a", "b", "c", "a"):
        write_taken(connection, [(device, "b1", [0])])
    drop_oldest(connection)
    drop_oldest(connection)

    assert [row[0] for row in connection.execute("SELECT device FROM sequences ORDER BY rowid")] == ["c", "a"]


def test_a_transaction_that_fails_takes_nothing(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN")
    write_taken(connection, [("pico", "b1", [0])])
    connection.execute("ROLLBACK")

    assert load_taken(connection).take("pico", "b1", 0) == 0
