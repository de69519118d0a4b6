"""The journal: nothing waits for its writer, losses are told, and it does not grow beyond its limits."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

from darvaz.gateway.access import redact
from darvaz.gateway.journal.batches import PAYLOAD_CHARS_MAX, parse_rows
from darvaz.gateway.journal.sqlite_store import SqliteJournalStore
from darvaz.gateway.journal.writer import Journal
from darvaz.gateway.storage.database import StorageError, open_database
from tests.support.databases import open_journal

NOW_MS = int(time.time() * 1000)
WRITER = """
import sys, time
from pathlib import Path
from darvaz.gateway.journal.writer import Journal
from tests.support.databases import open_journal
journal = Journal(lambda: open_journal(Path(sys.argv[1])))
journal.open()
for number in range(1_000_000):
    journal.record("d", "pico", "192.0.2.7", "<", "log", str(number))
    time.sleep(0.001)
"""


def rows(folder: Path, type_: str | None = None) -> list[tuple[str, str]]:
    with closing(open_database(folder)) as connection:
        connection.execute("BEGIN")
        batches = connection.execute("SELECT moments FROM journal_batches ORDER BY id").fetchall()
        found = [(entry[5], entry[6]) for (data,) in batches for entry in parse_rows(data)]
        listed = connection.execute("SELECT type FROM journal ORDER BY id").fetchall()
    # Other programs see each entry, too.
    assert sorted(listed) == sorted((name,) for name, _ in found)
    return [entry for entry in found if type_ in (None, entry[0])]


def noise(chars: int) -> str:
    """Returns a text that does not become smaller when it is compressed, or not much."""
    return random.Random(chars + random.randrange(1 << 30)).randbytes(chars // 2).hex()


def ids(folder: Path) -> list[int]:
    with closing(open_database(folder)) as connection:
        return [row_id for (row_id,) in connection.execute("SELECT id FROM journal ORDER BY id")]


def write(folder: Path, type_: str, day: float) -> None:
    """Writes one row, as a gateway did that ran on that day."""
    journal = Journal(partial(open_journal, folder), unix_s=lambda: 86_400 * day)
    journal.record(None, None, "", "=", type_, "")
    journal.open()
    assert journal.close()


def wait_until(condition: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline_s, "it did not happen"
        time.sleep(0.02)


def test_everything_recorded_is_written_at_close(tmp_path: Path) -> None:
    journal = Journal(partial(open_journal, tmp_path))
    journal.open()

    for number in range(1200):
        journal.record("d", "pico", "192.0.2.7", "<", "log", str(number))

    assert journal.close() is True
    assert rows(tmp_path) == [("log", str(number)) for number in range(1200)]


def test_a_killed_process_leaves_a_readable_file_with_all_but_the_last_batch(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)])
    try:
        wait_until(lambda: (tmp_path / "darvaz.sqlite3").exists() and len(rows(tmp_path)) > 200)
    finally:
        process.kill()
        process.wait(60)

    connection = open_database(tmp_path)
    verdict = connection.execute("PRAGMA integrity_check").fetchone()
    connection.close()
    found = rows(tmp_path)

    assert verdict == ("ok",)
    assert [payload for _, payload in found] == [str(number) for number in range(len(found))]


def test_one_row_beyond_the_maximum_that_wait_is_told_as_a_gap(tmp_path: Path) -> None:
    journal = Journal(partial(open_journal, tmp_path), pending_rows_max=10)

    for number in range(13):
        journal.record(None, None, "", "=", "row", str(number))
    journal.open()
    journal.close()

    found = rows(tmp_path)
    assert [payload for type_, payload in found if type_ == "row"] == [str(number) for number in range(10)]
    assert found[-1] == ("gap", "3 rows are missing: the disk could not keep up")


def test_several_rows_beyond_the_maximum_at_once_are_told_as_a_gap(tmp_path: Path) -> None:
    journal = Journal(partial(open_journal, tmp_path), pending_rows_max=10)

    for _ in range(3):
        journal.extend(NOW_MS, None, None, "", [("<", "row", "")] * 7, 0)
    journal.open()
    journal.close()

    found = rows(tmp_path)
    assert [type_ for type_, _ in found] == ["row"] * 10 + ["gap"]
    assert found[-1][1].startswith("11 rows are missing")
    assert (journal.pending_rows, journal.pending_chars, journal._pending_chars) == (0, 0, [])


def test_tokens_are_redacted_anywhere_in_a_payload(tmp_path: Path) -> None:
    journal = Journal(lambda: SqliteJournalStore(open_database(tmp_path), redact), redact=redact)
    journal.open()

    journal.record("d", "pico", "", "<", "log", "before")
    journal.record("d", "pico", "", "<", "log", "my token is dvz_abcdefghij_" + "s" * 43)
    journal.close()

    assert rows(tmp_path) == [("log", "before"), ("log", "my token is dvz_abcdefghij_…")]


def test_half_a_character_is_written_as_a_question_mark(tmp_path: Path) -> None:
    journal = Journal(partial(open_journal, tmp_path))
    journal.open()

    journal.record("d", "pico", "", "<", "log", "half \udc00")
    journal.close()

    assert rows(tmp_path) == [("log", "half ?")]


def test_rows_recorded_during_a_write_are_all_kept_in_order(tmp_path: Path) -> None:
    journal = Journal(partial(open_journal, tmp_path))
    journal.open()

    for start in range(0, 60_000, 16):
        journal.extend(NOW_MS, "d", "pico", "", [("<", "log", str(start + n)) for n in range(16)], 16)
        if start % 4_000 == 0:
            wait_until(lambda: journal.pending_rows < 20_000)
    journal.close(10)

    assert (journal.pending_rows, journal.pending_chars) == (0, 0)
    assert [int(payload) for _, payload in rows(tmp_path)] == list(range(60_000))
    assert ids(tmp_path) == list(range(1, 60_001))


def test_a_full_disk_degrades_the_journal_and_loses_nothing_once_it_has_space(tmp_path: Path) -> None:
    connections: list[sqlite3.Connection] = []

    def open_small() -> SqliteJournalStore:
        connection = open_database(tmp_path)
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
        connections.append(connection)
        return SqliteJournalStore(connection)

    journal = Journal(open_small)
    journal.open()
    for number in range(500):
        journal.record("d", "pico", "", "<", "log", f"{number} " + noise(400))
    wait_until(lambda: journal.state != "ok")
    assert "cannot be written" in journal.state

    connections[0].execute("PRAGMA max_page_count = 1000000")
    wait_until(lambda: journal.state == "ok")
    journal.close()

    assert len(rows(tmp_path, "log")) == 500


def test_a_payload_beyond_the_maximum_is_cut_and_marked(tmp_path: Path) -> None:
    journal = Journal(partial(open_journal, tmp_path))
    journal.open()

    journal.record("d", "pico", "", "<", "log", "x" * PAYLOAD_CHARS_MAX)
    journal.record("d", "pico", "", "<", "log", "x" * (PAYLOAD_CHARS_MAX + 1))
    journal.close()

    whole, cut = (payload for _, payload in rows(tmp_path))
    assert whole == "x" * PAYLOAD_CHARS_MAX
    assert cut == "x" * PAYLOAD_CHARS_MAX + "…"


def test_one_row_beyond_the_characters_that_may_wait_is_told_as_a_gap(tmp_path: Path) -> None:
    journal = Journal(partial(open_journal, tmp_path), pending_chars_max=1000)

    for number in range(12):
        journal.record(None, None, "", "=", "row", f"{number:0100}")
    journal.open()
    wait_until(lambda: len(rows(tmp_path)) == 10)
    journal.record(None, None, "", "=", "row", "space again")
    journal.close()

    found = rows(tmp_path)
    assert [type_ for type_, _ in found] == ["row"] * 10 + ["gap", "row"]
    assert found[10][1].startswith("2 rows are missing")


def test_a_row_recorded_while_the_writer_takes_the_others_is_not_lost(tmp_path: Path) -> None:
    writer = threading.current_thread()

    def unix_s() -> float:
        # Between finding the list and appending to it, the writer takes what is there.
        if threading.current_thread() is writer and journal._pending:
            wait_until(lambda: not journal._pending)
        return 1.0

    journal = Journal(partial(open_journal, tmp_path), unix_s=unix_s)
    journal.open()
    for number in range(5):
        journal.record(None, None, "", "=", "row", str(number))
    journal.close()

    assert [payload for _, payload in rows(tmp_path)] == ["0", "1", "2", "3", "4"]


def test_a_database_that_cannot_be_opened_at_first_is_opened_later(tmp_path: Path) -> None:
    troubles = [StorageError("the disk is full"), sqlite3.OperationalError("locked")]

    def open_at_third() -> SqliteJournalStore:
        if troubles:
            raise troubles.pop()
        return open_journal(tmp_path)

    journal = Journal(open_at_third)
    journal.record(None, None, "", "=", "early", "")
    journal.open()
    wait_until(lambda: journal.state != "ok")
    assert "cannot be opened" in journal.state

    wait_until(lambda: journal.state == "ok")
    journal.close()
    assert [type_ for type_, _ in rows(tmp_path)] == ["early"]


def test_a_flood_does_not_make_the_file_much_larger_than_its_limit(tmp_path: Path) -> None:
    allowed_bytes = 2_000_000
    journal = Journal(partial(open_journal, tmp_path), retain_bytes_max=allowed_bytes)
    journal.open()
    largest_bytes = 0
    for _ in range(10):
        for number in range(1_000):
            journal.record("d", "pico", "", "<", "log", f"{number} " + noise(1_000))
        wait_until(lambda: not journal._pending)
        largest_bytes = max(largest_bytes, (tmp_path / "darvaz.sqlite3").stat().st_size)
    journal.close()

    assert 0 < largest_bytes < 3 * allowed_bytes
    assert journal.retention.remark == "the journal keeps 0.0 days and not 30: journal_retain_bytes_max is reached"
    assert rows(tmp_path)[-1][1].startswith("999 ")


def test_a_clock_set_back_loses_no_rows_and_keeps_their_order(tmp_path: Path) -> None:
    now_s = [1_790_000_000.0]
    journal = Journal(partial(open_journal, tmp_path), retain_days=1, unix_s=lambda: now_s[0])
    journal.open()
    journal.record(None, None, "", "=", "before", "")
    now_s[0] -= 10 * 86_400
    journal.record(None, None, "", "=", "after", "")
    wait_until(lambda: len(rows(tmp_path)) == 2)
    journal.retention._next_aging_s = 0.0
    journal.record(None, None, "", "=", "later", "")
    journal.close()

    assert [type_ for type_, _ in rows(tmp_path)] == ["before", "after", "later"]


def test_rows_older_than_the_retention_are_deleted(tmp_path: Path) -> None:
    for day in range(8):
        write(tmp_path, f"day {day}", float(day))
    journal = Journal(partial(open_journal, tmp_path), retain_days=7, unix_s=lambda: 86_400 * 8.0)
    journal.record(None, None, "", "=", "new", "")
    journal.open()
    wait_until(lambda: ("day 0", "") not in rows(tmp_path))

    assert journal.close()
    assert [type_ for type_, _ in rows(tmp_path)] == [*(f"day {day}" for day in range(1, 8)), "new"]


def test_a_clock_that_is_ahead_for_a_while_deletes_nothing(tmp_path: Path) -> None:
    for day in range(6):
        write(tmp_path, f"day {day}", float(day))
    for _ in range(3):
        write(tmp_path, "ahead", 66.0)

    assert len(rows(tmp_path)) == 9


def test_the_newest_batch_stays_so_that_ids_go_on(tmp_path: Path) -> None:
    write(tmp_path, "old", 0.0)
    write(tmp_path, "older than it may be", 1.0)
    journal = Journal(partial(open_journal, tmp_path), retain_days=1, unix_s=lambda: 86_400 * 30.0)
    journal.open()
    wait_until(lambda: len(rows(tmp_path)) == 1)
    journal.record(None, None, "", "=", "new", "")
    journal.close()

    assert ids(tmp_path) == [2, 3]


def test_the_oldest_rows_go_when_the_file_is_too_large(tmp_path: Path) -> None:
    journal = Journal(partial(open_journal, tmp_path), retain_bytes_max=1_000_000)
    for number in range(6000):
        journal.record("d", "pico", "", "<", "log", f"{number} " + noise(400))
    journal.open()
    wait_until(lambda: 0 < len(rows(tmp_path)) < 6000)
    journal.close()

    assert rows(tmp_path)[-1][1].startswith("5999 ")


def test_the_recorder_goes_on_while_the_journal_tells_it_what_is_stored(tmp_path: Path) -> None:
    journal = Journal(partial(open_journal, tmp_path), has_record_log=True)
    appended: list[bytes] = []
    has_gone_on: list[bool] = []

    def append(data: bytes) -> int:
        appended.append(data)
        return len(appended)

    def release(kind: int, number: int) -> None:
        recorder = threading.Thread(target=journal.append_waiting, args=(append,), daemon=True)
        recorder.start()
        recorder.join(20)
        has_gone_on.append(not recorder.is_alive())

    journal.release = release
    journal.record(None, None, "", "=", "first", "")
    journal.append_waiting(append)
    assert journal.writer.write_once()
    journal.sync_database()

    assert has_gone_on == [True]
