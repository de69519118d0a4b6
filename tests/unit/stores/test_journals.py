"""What is asked of a journal, whatever program keeps it."""

from __future__ import annotations

import asyncio
import json
import threading

import msgspec
import pytest

from darvaz.gateway.cluster.journal_messages import read_messages
from darvaz.gateway.journal.batches import EntryBody, unpack
from darvaz.gateway.journal.payload_search import PayloadFilter
from darvaz.gateway.journal.queries import JournalFilter
from darvaz.gateway.journal.view import JournalView
from darvaz.gateway.missed_events import read_missed
from darvaz.gateway.storage.reading import StoreBusyError
from tests.unit.stores.conftest import JournalStore

GROUPS: list[tuple[int, str, str, str, list[EntryBody]]] = [
    (1_000, "a", "pico", "192.0.2.1", [("<", "log", "one"), ("<", "telemetry", "two", 250)]),
    (2_000, "b", "esp32cam", "192.0.2.2", [(">", "command", "three")]),
    (3_000, "a", "pico", "192.0.2.1", [("=", "disconnected", "four"), ("<", "log", "پنج")]),
]
ALL = ["one", "two", "three", "four", "پنج"]


@pytest.fixture(autouse=True)
def written(journal: JournalStore) -> None:
    for group in GROUPS:
        journal.write(*group)


async def payloads(journal: JournalStore, wanted: JournalFilter, limit: int = 100, *, newest: bool = True) -> list[str]:
    rows = await journal.reader.read(lambda view: view.rows(wanted, limit, newest=newest))
    return [row.payload for row in rows]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (JournalFilter(), ALL),
        (JournalFilter(device="a"), ["one", "two", "four", "پنج"]),
        (JournalFilter(kind="esp32cam"), ["three"]),
        (JournalFilter(type="log"), ["one", "پنج"]),
        (JournalFilter(direction="<"), ["one", "two", "پنج"]),
        (JournalFilter(since_ms=2_000), ["three", "four", "پنج"]),
        (JournalFilter(until_ms=2_000), ["one", "two"]),
        (JournalFilter(device="nobody"), []),
    ],
)
async def test_rows_are_those_that_match_in_order(
    journal: JournalStore, wanted: JournalFilter, expected: list[str]
) -> None:
    assert await payloads(journal, wanted) == expected


async def test_the_newest_or_the_oldest_are_returned_where_there_are_more(journal: JournalStore) -> None:
    assert await payloads(journal, JournalFilter(), 2) == ALL[-2:]
    assert await payloads(journal, JournalFilter(), 2, newest=False) == ALL[:2]


async def test_numbers_count_up_without_a_gap_and_pages_follow_them(journal: JournalStore) -> None:
    rows = await journal.reader.read(lambda view: view.rows(JournalFilter()))
    first, last = rows[0].id, rows[-1].id

    assert [row.id for row in rows] == list(range(first, first + len(ALL)))
    assert await journal.reader.read(lambda view: (view.oldest_id(), view.newest_id())) == (first, last)
    assert await payloads(journal, JournalFilter(after_id=first + 1, before_id=last)) == ALL[2:-1]


async def test_a_row_says_when_it_came_and_when_it_happened(journal: JournalStore) -> None:
    rows = await journal.reader.read(lambda view: view.rows(JournalFilter(type="telemetry")))

    assert [(row.time_ms, row.happened_ms, row.address, row.kind) for row in rows] == [
        (1_000, 750, "192.0.2.1", "pico")
    ]


async def test_what_payloads_contain_is_found(journal: JournalStore) -> None:
    rows, stopped = await journal.reader.read(
        lambda view: view.find(JournalFilter(), PayloadFilter(text="پن"), 10, newest=True)
    )

    assert ([row.payload for row in rows], stopped) == (["پنج"], None)


async def test_an_export_has_every_entry_as_a_line(journal: JournalStore) -> None:
    lines = b""
    after_id: int | None = 0
    while after_id is not None:
        piece, after_id = await journal.reader.read(export, JournalFilter(after_id=after_id))
        lines += piece

    assert [json.loads(line)["payload"] for line in lines.splitlines()] == ALL


def export(view: JournalView, wanted: JournalFilter) -> tuple[bytes, int | None]:
    return view.lines(wanted, "jsonl")


async def test_other_gateways_get_each_entry_once_as_it_is(journal: JournalStore) -> None:
    first_id, end_id = await journal.reader.read(lambda view: (view.oldest_id() or 0, view.newest_id() + 1))
    found = []
    while messages := await journal.reader.read(read_messages, first_id, end_id, 0):
        found += [group for message in messages for group in unpack(message.packed)[1]]
        first_id = messages[-1].end_id

    assert msgspec.json.encode(found) == msgspec.json.encode(GROUPS)


async def test_clients_that_come_back_get_the_entries_that_are_events(journal: JournalStore) -> None:
    wanted = JournalFilter(after_id=0, before_id=1_000)
    missed = await journal.reader.read(read_missed, wanted, {"log", "telemetry"}.__contains__)

    assert [row.payload for row in missed.rows] == ["one", "two", "پنج"]
    assert missed.is_complete


async def test_what_is_written_later_is_read_later(journal: JournalStore) -> None:
    before = await journal.reader.read(lambda view: view.newest_id())
    journal.write(4_000, None, "", "", [("=", "started", "six")])

    assert await payloads(journal, JournalFilter(after_id=before)) == ["six"]


async def test_reads_run_beside_the_event_loop_and_no_more_wait_than_may(journal: JournalStore) -> None:
    gate = threading.Event()

    def hold(view: JournalView) -> str:
        gate.wait(30)
        return threading.current_thread().name

    holding = [asyncio.create_task(journal.reader.read(hold)) for _ in range(64)]
    await asyncio.sleep(0)
    assert journal.reader.waiting == 64
    with pytest.raises(StoreBusyError):
        await journal.reader.read(lambda view: view.newest_id())
    gate.set()
    names = await asyncio.gather(*holding)

    assert threading.current_thread().name not in names and journal.reader.waiting == 0
