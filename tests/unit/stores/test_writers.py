"""What is asked of whatever the journal and the history are written into."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from darvaz.gateway.journal.batches import EntryBody
from darvaz.gateway.journal.queries import JournalFilter
from darvaz.gateway.journal.sqlite_store import SqliteJournalStore
from darvaz.gateway.journal.sqlite_view import SqliteJournal
from darvaz.gateway.journal.starts import CUT_OFF_IDS, LAST_TYPE
from darvaz.gateway.journal.store import JournalStore
from darvaz.gateway.journal.writer import Journal
from darvaz.gateway.storage.database import open_database
from darvaz.gateway.storage.record_log import Record
from darvaz.gateway.storage.recorder import JOURNAL
from darvaz.gateway.telemetry.history import History
from darvaz.gateway.telemetry.history_queries import plot
from darvaz.gateway.telemetry.history_schema import open_history
from darvaz.gateway.telemetry.history_tables import SERIES_PER_DEVICE_MAX, Retention
from darvaz.gateway.telemetry.newest import Newest, Reading
from darvaz.gateway.telemetry.sqlite_store import SqliteHistoryStore
from darvaz.gateway.telemetry.store import HistoryStore
from tests.unit.stores.plain_stores import Disk, PlainHistoryStore, PlainJournalStore

DAY_MS = 86_400_000
BEGIN_S = 20_000 * 86_400.0


class Stores(NamedTuple):
    """Both, opened again each time; what they have, and a block in which their disk takes nothing."""

    journal: Callable[[], JournalStore]
    history: Callable[[], HistoryStore]
    entries: Callable[[], list[tuple[int, str]]]
    values: Callable[[str, str], list[float]]
    fail: Callable[[], AbstractContextManager[None]]


@contextmanager
def sqlite_stores(folder: Path) -> Iterator[Stores]:
    with ExitStack() as stack:
        journals, histories = open_database(folder), open_history(folder)
        for connection in (journals, histories):
            stack.callback(connection.close)

        def entries() -> list[tuple[int, str]]:
            return [(row.id, row.payload) for row in SqliteJournal(journals).rows(JournalFilter())]

        def values(device: str, name: str) -> list[float]:
            return [point.mean for point in plot(histories, device, name, BEGIN_S, BEGIN_S + 60, 500).points]

        @contextmanager
        def fail() -> Iterator[None]:
            for connection in (journals, histories):
                connection.execute("PRAGMA query_only = ON")
            yield
            for connection in (journals, histories):
                connection.execute("PRAGMA query_only = OFF")

        yield Stores(lambda: SqliteJournalStore(journals), lambda: SqliteHistoryStore(histories), entries, values, fail)


@contextmanager
def plain_stores(folder: Path) -> Iterator[Stores]:
    disk = Disk()

    def entries() -> list[tuple[int, str]]:
        found = []
        for first_id, groups in disk.batches:
            payloads = [entry[2] for group in groups for entry in group[4]]
            found += list(enumerate(payloads, first_id))
        return found

    @contextmanager
    def fail() -> Iterator[None]:
        disk.is_full = True
        yield
        disk.is_full = False

    def values(device: str, name: str) -> list[float]:
        return [value for _, value in disk.readings.get((device, name), ())]

    yield Stores(lambda: PlainJournalStore(disk), lambda: PlainHistoryStore(disk), entries, values, fail)


STORES: dict[str, Callable[[Path], AbstractContextManager[Stores]]] = {"sqlite": sqlite_stores, "plain": plain_stores}


@pytest.fixture(params=STORES)
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stores]:
    with STORES[request.param](tmp_path) as made:
        yield made


def fill(journal: Journal, *payloads: str, type_: str = "log", time_ms: int = 1_000, number: int = 0) -> None:
    """Puts entries into the journal that came together, the first of which has a number of its board."""
    entries: list[EntryBody] = [("<", type_, payload) for payload in payloads]
    journal.extend(time_ms, "a", "pico", "", entries, sum(map(len, payloads)), ("a", "boot", [number]))


# The journal


def test_entries_are_numbered_from_one_and_on_from_there(stores: Stores) -> None:
    journal = Journal(stores.journal)
    fill(journal, "one", "two")
    assert journal.writer.write_once()
    fill(journal, "three", number=1)
    assert journal.writer.write_once()

    assert stores.entries() == [(1, "one"), (2, "two"), (3, "three")]
    assert stores.journal().next_id() == 4


def test_a_write_that_fails_leaves_nothing_and_is_done_once_the_disk_takes_it(stores: Stores) -> None:
    journal = Journal(stores.journal)
    fill(journal, "before")
    assert journal.writer.write_once()
    fill(journal, "meanwhile", number=1)
    with stores.fail():
        assert not journal.writer.write_once()
    assert stores.entries() == [(1, "before")]
    assert stores.journal().taken().dump("a") == [("boot", 1, [])]
    assert journal.state.startswith("degraded")

    assert journal.writer.write_once()

    assert stores.entries() == [(1, "before"), (2, "meanwhile")]
    assert journal.state == "ok"


def test_the_numbers_of_boards_are_stored_with_their_entries(stores: Stores) -> None:
    journal = Journal(stores.journal)
    for number in (0, 1, 4):
        fill(journal, str(number), number=number)
    assert journal.writer.write_once()

    taken = Journal(stores.journal).load_taken()

    assert taken.dump("a") == [("boot", 5, [(2, 4)])]
    assert [taken.take("a", "boot", number) for number in (1, 3, 5)] == [None, 0, 0]


def test_a_start_leaves_numbers_out_where_the_end_before_was_not_in_order(stores: Stores) -> None:
    journal = Journal(stores.journal)
    journal.start_numbering()
    assert not journal.is_cut_off
    fill(journal, "last words", time_ms=7_000)
    assert journal.writer.write_once()

    killed = Journal(stores.journal)
    killed.start_numbering()
    assert (killed.is_cut_off, killed.newest_ms) == (True, 7_000)
    fill(killed, "in order", type_=LAST_TYPE, number=1)
    assert killed.writer.write_once()
    ended = Journal(stores.journal)
    ended.start_numbering()

    assert not ended.is_cut_off
    assert stores.entries() == [(1, "last words"), (2 + CUT_OFF_IDS, "in order")]
    assert stores.journal().next_id() == 3 + CUT_OFF_IDS


def test_a_record_is_stored_once_with_its_numbers(stores: Stores) -> None:
    records: list[bytes] = []

    def append(record: bytes) -> int:
        records.append(record)
        return len(records)

    before = Journal(stores.journal, has_record_log=True)
    before.start_numbering()
    fill(before, "one", "two")
    before.append_waiting(append)
    again = Journal(stores.journal)
    for _ in range(2):
        again.replay(Record(1, JOURNAL, records[0]))

    assert stores.entries() == [(1, "one"), (2, "two")]
    assert stores.journal().taken().dump("a") == [("boot", 1, [])]


def test_what_is_too_old_is_deleted_and_numbers_stay(stores: Stores) -> None:
    journal = Journal(stores.journal, retain_days=1, unix_s=lambda: 10 * DAY_MS / 1000)
    for day in range(1, 10):
        fill(journal, f"day {day}", time_ms=day * DAY_MS, number=day)
        assert journal.writer.write_once()
    journal._connect().tidy(journal.retention)

    left = stores.entries()
    assert left[-1] == (9, "day 9") and len(left) < 9
    assert left == [(day, f"day {day}") for day in range(left[0][0], 10)]


# The history


def test_readings_are_stored_with_the_newest_and_the_place_of_the_flush(stores: Stores) -> None:
    history = History(stores.history)
    known: dict[str, Newest] = {"a": ("boot", {"t": Reading(2.0, BEGIN_S + 1)})}
    history.newest = lambda device: known[device]
    history.write_replayed()
    for number, value in enumerate((1.0, 2.0)):
        history.record("a", BEGIN_S + number, {"t": value}, "boot", number)
    history.flush_now()
    assert history.writer.write_once()

    opened = stores.history()
    assert stores.values("a", "t") == [1.0, 2.0]
    assert opened.newest() == known
    assert opened.taken().dump("a") == [("boot", 2, [])]
    assert opened.position()[1] > 0 and opened.oldest_ms() == int(BEGIN_S * 1000)


def test_a_flush_that_fails_leaves_nothing_and_is_done_once_the_disk_takes_it(stores: Stores) -> None:
    history = History(stores.history)
    history.record("a", BEGIN_S, {"t": 1.0}, "boot", 0)
    history.flush_now()
    history.write_replayed()
    history.record("a", BEGIN_S + 1, {"t": 2.0}, "boot", 1)
    history.flush_now()
    before = stores.values("a", "t")
    with stores.fail():
        assert not history.writer.write_once()
        assert stores.values("a", "t") == before

    assert history.writer.write_once()

    assert stores.values("a", "t") == [1.0, 2.0]


def test_a_device_that_was_forgotten_has_nothing_but_what_came_later(stores: Stores) -> None:
    history = History(stores.history)
    history.record("a", BEGIN_S, {"t": 1.0}, "boot", 0)
    history.record("b", BEGIN_S, {"t": 5.0})
    history.flush_now()
    assert history.writer.write_once()
    history.forget("a")
    history.record("a", BEGIN_S + 1, {"t": 2.0}, "boot", 0)
    history.flush_now()
    assert history.writer.write_once()

    assert (stores.values("a", "t"), stores.values("b", "t")) == ([2.0], [5.0])
    assert stores.history().taken().dump("a") == [("boot", 1, [])]


def test_one_name_beyond_those_of_a_device_finds_no_place_and_is_told(stores: Stores) -> None:
    history = History(stores.history, unix_s=lambda: BEGIN_S)
    history.record("a", BEGIN_S, {f"t{number}": 1.0 for number in range(SERIES_PER_DEVICE_MAX + 1)})
    history.record("b", BEGIN_S, {"t": 1.0})
    history.flush_now()
    assert history.writer.write_once()
    history.retain()

    assert stores.values("b", "t") == [1.0]
    kept = [number for number in range(SERIES_PER_DEVICE_MAX + 1) if stores.values("a", f"t{number}") == [1.0]]
    assert len(kept) == SERIES_PER_DEVICE_MAX
    assert history.limits.remarks["refused"].startswith("1 readings were not kept")


def test_readings_that_are_too_old_are_deleted(stores: Stores) -> None:
    history = History(stores.history, Retention(raw_days=1), unix_s=lambda: BEGIN_S + 10 * 86_400)
    for day in range(10):
        history.record("a", BEGIN_S + day * 86_400 + 80_000, {"t": float(day)})
    history.flush_now()
    assert history.writer.write_once()
    history.retain()

    oldest_ms = stores.history().oldest_ms()
    assert oldest_ms is not None and oldest_ms >= (BEGIN_S + 9 * 86_400) * 1000
