"""Old telemetry and heartbeats go before anything else when the journal is too large; the rest keeps its numbers."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from darvaz.gateway.cluster.journal_messages import read_messages
from darvaz.gateway.journal.batches import insert_batch, next_id, unpack, used_bytes
from darvaz.gateway.journal.export_lines import read_piece
from darvaz.gateway.journal.payload_search import PayloadFilter, find
from darvaz.gateway.journal.queries import JournalFilter, Row, count_by_type, read
from darvaz.gateway.journal.retention import JournalRetention
from darvaz.gateway.journal.sqlite_view import SqliteJournal
from darvaz.gateway.journal.thinning import BATCHES_AT_ONCE, KEPT_MS, thin_some, thinned_until
from darvaz.gateway.missed_events import read_missed
from darvaz.gateway.storage.database import open_database

NOW_MS = 1_790_000_000_000
EVERYTHING = 10_000


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_database(tmp_path)) as opened:
        yield opened


def add_batch(connection: sqlite3.Connection, age_ms: int, groups: int, *, log_part: float, devices: int = 5) -> None:
    """Writes a batch of that age, in groups of one to three entries, of which that part are lines of logs."""
    chance = random.Random(next_id(connection))

    def entry() -> tuple[Any, ...]:
        type_ = "log" if chance.random() < log_part else chance.choice(("telemetry", "telemetry", "ping", "pong"))
        late = (chance.randrange(5_000),) if chance.random() < 0.1 else ()
        payload = f'{{"type":"{type_}","n":{chance.random()},"t":"[\\"-\\""}}'
        return (">" if type_ == "ping" else "<", type_, payload, *late)

    made = []
    for number in range(groups):
        device, entries = f"pico-{chance.randrange(devices)}", [entry() for _ in range(number % 3 + 1)]
        made.append((NOW_MS - age_ms + number, device, "pico", "", entries))
    insert_batch(connection, next_id(connection), made, str)


def batch_bytes(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT sum(length(moments)) FROM journal_batches").fetchone()[0])


def thin_all(connection: sqlite3.Connection) -> None:
    while thin_some(connection):
        pass


@pytest.mark.parametrize(("log_part", "devices"), [(0.01, 5), (0.3, 2_000)])
def test_what_stays_is_found_as_before_under_its_numbers(
    connection: sqlite3.Connection, log_part: float, devices: int
) -> None:
    for _ in range(BATCHES_AT_ONCE + 1):
        add_batch(connection, 2 * KEPT_MS, 300, log_part=log_part, devices=devices)
    add_batch(connection, 0, 20, log_part=log_part)
    before, bytes_before = read(connection, JournalFilter(), EVERYTHING), batch_bytes(connection)

    thin_all(connection)

    stays = [row for row in before if row.type == "log" or row.time_ms >= NOW_MS]
    middle = stays[len(stays) // 2]
    for wanted in (
        JournalFilter(),
        JournalFilter(type="log"),
        JournalFilter(type=""),
        JournalFilter(direction="<", device=middle.device),
        JournalFilter(after_id=middle.id),
        JournalFilter(before_id=middle.id, since_ms=middle.time_ms - 5),
    ):
        expected = [row for row in stays if is_wanted(row, wanted)]
        assert read(connection, wanted, EVERYTHING) == expected
        assert read(connection, wanted, EVERYTHING, newest=False) == expected
        assert read(connection, wanted, 3) == expected[-3:]
        assert find(connection, wanted, PayloadFilter(text='"n"'), EVERYTHING, newest=True)[0] == expected
    assert exported(connection) == [str(row.id) for row in stays]
    assert sent_to_a_cluster(connection) == [(row.id, row.payload) for row in stays]
    assert next_id(connection) == before[-1].id + 1
    assert sum(count_by_type(connection).values()) == len(stays)
    assert batch_bytes(connection) < bytes_before * (0.1 if log_part < 0.1 else 0.6)


def is_wanted(row: Row, wanted: JournalFilter) -> bool:
    return (
        (wanted.type in (None, row.type) and wanted.direction in (None, row.direction))
        and wanted.device in (None, row.device)
        and row.id > (wanted.after_id or 0)
        and (wanted.before_id is None or row.id < wanted.before_id)
        and row.time_ms >= (wanted.since_ms or 0)
    )


def exported(connection: sqlite3.Connection) -> list[str]:
    """Returns the numbers in the lines of a CSV export."""
    lines: list[str] = []
    until_id: int | None = 0
    while until_id is not None:
        piece, until_id = read_piece(connection, JournalFilter(after_id=until_id), "csv")
        lines += piece.decode().splitlines()
    return [line.split('"')[1] for line in lines]


def sent_to_a_cluster(connection: sqlite3.Connection) -> list[tuple[int, str]]:
    """Returns numbers and payloads of what other gateways are sent."""
    sent: list[tuple[int, str]] = []
    first_id, end_id = 1, next_id(connection)
    while messages := read_messages(SqliteJournal(connection), first_id, end_id, 0):
        for message in messages:
            _, groups, _ = unpack(message.packed)
            payloads = [entry[2] for group in groups for entry in group[4]]
            sent += enumerate(payloads, message.first_id)
        first_id = messages[-1].end_id
    return sent


def test_events_stay_while_telemetry_can_go_and_that_is_told(connection: sqlite3.Connection) -> None:
    retention = JournalRetention(30.0, used_bytes(connection) + 230_000, lambda: NOW_MS / 1000)
    logs = 0
    for age_h in range(30, -1, -1):
        add_batch(connection, age_h * KEPT_MS, 300, log_part=0.01)
        retention.apply(connection)
        logs = len(read(connection, JournalFilter(type="log"), EVERYTHING))
        assert used_bytes(connection) <= retention.bytes_max

    rows = read(connection, JournalFilter(), EVERYTHING, newest=False)
    assert rows[0].time_ms < NOW_MS - 29 * KEPT_MS
    assert logs == count_by_type(connection)["<", "log"] > 31 * 2
    telemetry = read(connection, JournalFilter(type="telemetry"), 1, newest=False)[0]
    assert NOW_MS - 29 * KEPT_MS < telemetry.time_ms <= NOW_MS - KEPT_MS + 300
    days = (NOW_MS - telemetry.time_ms) / 24 / KEPT_MS
    assert retention.remark == (
        f"the journal keeps telemetry for {days:.1f} days and not 30: journal_retain_bytes_max is reached"
    )


def test_the_newest_hour_stays_and_then_the_oldest_go(connection: sqlite3.Connection) -> None:
    retention = JournalRetention(30.0, used_bytes(connection) + 150_000, lambda: NOW_MS / 1000)
    for minute in range(16, -1, -1):
        add_batch(connection, minute * 60_000, 600, log_part=0.01)
        retention.apply(connection)

    assert used_bytes(connection) <= retention.bytes_max
    assert thinned_until(connection) == 0
    assert retention.remark == "the journal keeps 0.0 days and not 30: journal_retain_bytes_max is reached"


def test_a_client_that_was_away_is_told_that_telemetry_is_missing(connection: sqlite3.Connection) -> None:
    for age_h in (3, 2, 0):
        add_batch(connection, age_h * KEPT_MS, 100, log_part=0.1)
    thin_all(connection)

    def is_complete(*types: str, after_id: int) -> bool:
        wanted = JournalFilter(after_id=after_id, before_id=next_id(connection))
        return read_missed(SqliteJournal(connection), wanted, types.__contains__).is_complete

    rows, until = read(connection, JournalFilter(), EVERYTHING), thinned_until(connection)
    first = rows[0].id
    assert is_complete("log", after_id=first)
    assert not is_complete("log", "telemetry", after_id=first)
    assert is_complete("log", "telemetry", after_id=until)
    # Other programs see what stays, too.
    assert connection.execute("SELECT count(*) FROM journal").fetchone() == (len(rows),)


def test_a_damaged_batch_stays_and_holds_up_no_other(connection: sqlite3.Connection) -> None:
    for _ in range(3):
        add_batch(connection, 2 * KEPT_MS, 500, log_part=0.01)
    connection.execute("UPDATE journal_batches SET moments = x'00' WHERE id = 1")
    add_batch(connection, 0, 1 + 1, log_part=1.0)
    thin_all(connection)

    left = connection.execute("SELECT batch, count(*) FROM journal_index WHERE type = 'telemetry' GROUP BY batch")
    assert [batch for batch, _ in left] == [1]
