"""Messages of the stream of all journals: the entries of this gateway as the database has them, in order, each once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from darvaz.gateway.cluster.journal_messages import (
    ELSEWHERE,
    JOINED_BYTES_MAX,
    JOURNAL_PREFIX,
    JournalMessage,
    as_one,
    join_first,
    messages_of,
    read_messages,
)
from darvaz.gateway.journal.batches import EntryGroup, insert_batch, pack, unpack
from darvaz.gateway.journal.sqlite_view import SqliteJournal
from darvaz.gateway.storage.database import open_database
from darvaz.gateway.storage.taken import Taken


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    made = open_database(tmp_path)
    yield made
    made.close()


def group(*texts: str, address: str = "192.0.2.1") -> EntryGroup:
    return 1_000, "pico_1", "pico", address, [("<", "log", text, 7) for text in texts]


def texts_of(packed: bytes) -> list[str]:
    return [entry[2] for each in unpack(packed)[1] for entry in each[4]]


@pytest.mark.parametrize("size", [10, 1_000], ids=["as text", "compressed"])
def test_a_batch_is_read_as_the_board_sent_it(connection: sqlite3.Connection, size: int) -> None:
    groups = [group('one "quoted"', "دو"), group("x" * 70 * size)]
    insert_batch(connection, 5, groups, str)

    (message,) = read_messages(SqliteJournal(connection), 1, 100, 0)

    first_id, found, _ = unpack(message.packed)
    assert (message.first_id, message.end_id, first_id) == (5, 8, 5)
    assert found == [(*each[:4], [tuple(entry) for entry in each[4]]) for each in groups]


def test_a_large_batch_becomes_several_messages_without_a_gap(connection: sqlite3.Connection) -> None:
    insert_batch(connection, 1, [group("y" * 1_000) for _ in range(1_000)], str)

    found = read_messages(SqliteJournal(connection), 1, 2_000, 0)

    assert len(found) > 5
    assert [message.first_id for message in found[1:]] == [message.end_id for message in found[:-1]]
    assert (found[0].first_id, found[-1].end_id) == (1, 1_001)
    assert sum(len(texts_of(message.packed)) for message in found) == 1_000


def test_entries_from_elsewhere_are_left_out_and_end_a_message(connection: sqlite3.Connection) -> None:
    groups = [group("own 1"), group("theirs", "theirs", address=f"192.0.2.2{ELSEWHERE}south"), group("own 2")]
    insert_batch(connection, 1, groups, str)

    stored = read_messages(SqliteJournal(connection), 1, 100, 0)
    recorded = messages_of(1, groups, [], pack(1, groups, str))

    for found in (stored, recorded):
        assert [(each.first_id, each.end_id, texts_of(each.packed)) for each in found] == [
            (1, 2, ["own 1"]), (4, 5, ["own 2"]),
        ]  # fmt: skip


def test_the_numbers_of_boards_here_go_with_the_first_message() -> None:
    taken = [("pico_1", "boot", [3, 4]), (f"{JOURNAL_PREFIX}other", "", [7])]
    mixed = [group("own 1"), group("theirs", address=f"192.0.2.2{ELSEWHERE}south"), group("own 2")]

    found = messages_of(1, mixed, taken, pack(1, mixed, str, taken))
    (own,) = messages_of(1, mixed[:1], taken[:1], pack(1, mixed[:1], str, taken[:1]))

    assert [unpack(each.packed)[2] for each in found] == [[("pico_1", "boot", [3, 4])], []]
    assert unpack(own.packed)[2] == [("pico_1", "boot", [3, 4])]


def test_small_messages_that_follow_each_other_are_one_with_all_entries_and_numbers() -> None:
    records: list[tuple[int, list[EntryGroup], list[Taken]]] = [
        (1, [group("one", "two")], [("a", "boot", [0, 1])]), (3, [group("three")], []),
        (4, [group("چهار [,]"), group("five")], [("b", "boot", [9]), ("a", "boot", [2])]),
    ]  # fmt: skip
    sent = []
    for first_id, groups, taken in records:
        sent += messages_of(first_id, groups, taken, pack(first_id, groups, str, taken))
    assert join_first(sent) == sent

    one = as_one(sent)

    first_id, groups, taken = unpack(one.packed)
    assert (one.first_id, one.end_id, first_id) == (1, 6, 1)
    assert texts_of(one.packed) == ["one", "two", "three", "چهار [,]", "five"] and len(groups) == 4
    assert taken == [("a", "boot", [0, 1]), ("b", "boot", [9]), ("a", "boot", [2])]


def test_messages_with_a_gap_between_them_or_beyond_the_maximum_are_sent_by_themselves() -> None:
    small, behind_a_gap = JournalMessage(1, 2, b"x"), JournalMessage(3, 4, b"x")
    large = [JournalMessage(2, 3, bytes(JOINED_BYTES_MAX - 1)), JournalMessage(3, 4, b"x")]

    assert join_first([small, behind_a_gap]) == [small]
    assert join_first([small, *large]) == [small, large[0]]
    assert join_first([JournalMessage(1, 2, bytes(2 * JOINED_BYTES_MAX)), large[0]])[1:] == []


def test_only_what_was_not_sent_is_read(connection: sqlite3.Connection) -> None:
    insert_batch(connection, 1, [group("sent"), group("next"), group("later")], str)

    (message,) = read_messages(SqliteJournal(connection), 2, 3, 0)

    assert texts_of(message.packed) == ["next"]
    assert read_messages(SqliteJournal(connection), 4, 100, 0) == []
