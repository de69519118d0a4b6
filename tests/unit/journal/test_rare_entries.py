"""Rare entries, which are kept once more beside their batches, beside a look at every entry."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from darvaz.gateway.access import redact
from darvaz.gateway.access.credentials import make_credential
from darvaz.gateway.journal.batches import delete_first, insert_batch, next_id, parse_rows
from darvaz.gateway.journal.payload_search import PayloadFilter, find
from darvaz.gateway.journal.queries import JournalFilter, Row, matches, read, read_stretch
from darvaz.gateway.journal.rare_entries import ROWS_MIN
from darvaz.gateway.journal.rare_upgrade import BATCHES_AT_ONCE, upgrade_some
from darvaz.gateway.storage.database import DATABASE_NAME, open_database

BATCHES = BATCHES_AT_ONCE + 2
TOKEN = make_credential().text
# Some are rare, some look like another one's or like what is stored between them.
NAMES = ("telemetry", "log", 'log"\n', "<", "pico-1", 'type"log"')


def entry(chance: random.Random, number: int) -> tuple[Any, ...]:
    type_ = chance.choice(NAMES) if chance.random() < 0.03 else "telemetry"
    late = (number,) if chance.random() < 0.1 else ()
    return ("=" if chance.random() < 0.01 else "<", type_, f'{{"n":{number},"t":"{TOKEN}","type":"log"}}', *late)


def make(connection: sqlite3.Connection, size: int) -> None:
    """Writes batches of about this size, in groups of one to four."""
    chance = random.Random(7)
    for batch in range(BATCHES):
        groups: list[Any] = []
        for number in range(size // 2):
            device = chance.choice((None, "pico-1", "pico-1", "pico-2", 'a"b')) if chance.random() < 0.1 else "pico-3"
            kind = "esp32cam" if chance.random() < 0.005 else "pico" if device else None
            entries = [entry(chance, number) for _ in range(chance.randint(1, 4))]
            groups.append((1000 * batch + number, device, kind, "192.0.2.7", entries))
        insert_batch(connection, next_id(connection), groups, redact)


def every_row(connection: sqlite3.Connection) -> list[Row]:
    batches = connection.execute("SELECT id, moments FROM journal_batches ORDER BY id").fetchall()
    return [
        Row(number, *fields) for first_id, data in batches for number, fields in enumerate(parse_rows(data), first_id)
    ]


def count(connection: sqlite3.Connection, table: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


@pytest.fixture(scope="module", params=[True, False], ids=["written", "upgraded"])
def written(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A database with entries, which each test has a copy of."""
    folder = tmp_path_factory.mktemp("written")
    with closing(open_database(folder)) as made:
        make(made, 2 * ROWS_MIN)
        if not request.param:
            made.execute("DELETE FROM journal_rare")
            made.execute("INSERT INTO journal_rare_due SELECT id FROM journal_batches")
            upgrade_some(made)
    return folder / DATABASE_NAME


@pytest.fixture
def connection(written: Path, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    shutil.copy(written, tmp_path)
    with closing(open_database(tmp_path)) as made:
        yield made


FILTERS = [
    *[JournalFilter(type=name) for name in NAMES],
    *[JournalFilter(device=name) for name in ("pico-1", "pico-2", 'a"b', "pico-3", "log")],
    JournalFilter(kind="esp32cam"),
    JournalFilter(direction="="),
    JournalFilter(device="pico-1", type="log"),
    JournalFilter(device="pico-3", type="log", direction="<"),
    JournalFilter(type="log", after_id=700, before_id=2100),
    JournalFilter(direction="=", since_ms=2100, until_ms=6050),
]


@pytest.mark.parametrize("wanted", FILTERS, ids=repr)
def test_rare_entries_are_those_that_a_look_at_every_entry_finds(
    connection: sqlite3.Connection, wanted: JournalFilter
) -> None:
    expected = [row for row in every_row(connection) if matches(row, wanted)]

    assert read(connection, wanted, 10_000) == read(connection, wanted, 10_000, newest=False) == expected
    assert read(connection, wanted, 3) == expected[-3:]
    assert read(connection, wanted, 3, newest=False) == expected[:3]
    text = PayloadFilter(text='"n":1')
    assert find(connection, wanted, text, 10_000, newest=True)[0] == [row for row in expected if '"n":1' in row.payload]


def test_no_batch_is_opened_for_what_is_rare(connection: sqlite3.Connection) -> None:
    expected = read(connection, JournalFilter(type="log"))
    connection.execute("UPDATE journal_batches SET moments = x'00' WHERE id IN (SELECT batch FROM journal_rare)")

    assert read(connection, JournalFilter(type="log")) == expected
    assert count(connection, "journal_rare") >= BATCHES_AT_ONCE


def test_an_upgrade_keeps_what_a_new_batch_keeps(tmp_path: Path) -> None:
    with closing(open_database(tmp_path)) as made:
        make(made, 2 * ROWS_MIN)
        written = made.execute("SELECT * FROM journal_rare ORDER BY batch").fetchall()
        made.execute("DELETE FROM journal_rare")
        made.execute("INSERT INTO journal_rare_due SELECT id FROM journal_batches")
        upgrade_some(made)
        left = count(made, "journal_rare_due")
        upgrade_some(made)

        assert made.execute("SELECT * FROM journal_rare ORDER BY batch").fetchall() == written
        assert (left, count(made, "journal_rare_due")) == (BATCHES - BATCHES_AT_ONCE, 0)


@pytest.mark.parametrize("damage", [b"\x00", b"\x78\x01", "[[", "\udcff"])
def test_a_damaged_batch_holds_up_no_upgrade(tmp_path: Path, damage: bytes | str) -> None:
    with closing(open_database(tmp_path)) as made:
        make(made, 2 * ROWS_MIN)
        made.execute("DELETE FROM journal_rare")
        made.execute("INSERT INTO journal_rare_due SELECT id FROM journal_batches")
        data = damage if isinstance(damage, bytes) else damage.encode(errors="surrogatepass")
        made.execute(
            "UPDATE journal_batches SET moments = CAST(? AS text) WHERE id = (SELECT max(id) FROM journal_batches)"
            if isinstance(damage, str)
            else "UPDATE journal_batches SET moments = ? WHERE id = (SELECT max(id) FROM journal_batches)",
            (data,),
        )
        upgrade_some(made)

        assert count(made, "journal_rare_due") == BATCHES - BATCHES_AT_ONCE
        assert count(made, "journal_rare") == BATCHES_AT_ONCE - 1


def test_what_is_kept_twice_has_no_tokens_and_goes_with_its_batch(connection: sqlite3.Connection) -> None:
    assert all(TOKEN not in row.payload for row in read(connection, JournalFilter(type="log"), 10_000))

    while delete_first(connection, 100_000):
        pass

    assert count(connection, "journal_batches") == 1
    assert count(connection, "journal_rare") <= 1


@pytest.mark.parametrize("names_are_rare", [True, False])
def test_small_batches_and_batches_of_one_type_are_kept_once(tmp_path: Path, names_are_rare: bool) -> None:
    with closing(open_database(tmp_path)) as made:
        size = ROWS_MIN - 1 if names_are_rare else ROWS_MIN
        types = ["log", *["telemetry"] * (size - 1)] if names_are_rare else ["telemetry"] * size
        insert_batch(made, 1, [(0, "a", "pico", "", [("<", type_, "") for type_ in types])], str)

        assert count(made, "journal_rare") == 0


def test_a_stretch_of_rare_entries_reaches_over_many_batches(connection: sqlite3.Connection) -> None:
    assert read_stretch(connection, JournalFilter(type="log")).until_id is None
