"""The journal's writer: nothing waits for it, nothing is lost silently, nothing grows for ever."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from darvaz.journal import PAYLOAD_CHARS_MAX, Journal
from darvaz.store import open_database

WRITER = """
import sys, time
from functools import partial
from pathlib import Path
from darvaz.journal import Journal
from darvaz.store import open_database
journal = Journal(partial(open_database, Path(sys.argv[1])))
journal.open()
for number in range(1_000_000):
    journal.record("d", "pico", "192.0.2.7", "<", "log", str(number))
    time.sleep(0.001)
"""


def rows(folder: Path, where: str = "1") -> list[tuple[str, str]]:
    connection = open_database(folder)
    found = connection.execute(f"SELECT type, payload FROM journal WHERE {where} ORDER BY id").fetchall()
    connection.close()
    return found


def wait_until(condition: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline_s, "it did not happen"
        time.sleep(0.02)


def test_what_was_recorded_is_there_after_close(tmp_path: Path) -> None:
    journal = Journal(partial(open_database, tmp_path))
    journal.open()

    for number in range(1200):
        journal.record("d", "pico", "192.0.2.7", "<", "log", str(number))

    assert journal.close() is True
    assert rows(tmp_path) == [("log", str(number)) for number in range(1200)]


def test_a_killed_process_leaves_a_readable_file_with_all_but_the_last_batch(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)])
    wait_until(lambda: (tmp_path / "darvaz.sqlite3").exists() and len(rows(tmp_path)) > 200)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(10)

    connection = open_database(tmp_path)
    verdict = connection.execute("PRAGMA integrity_check").fetchone()
    connection.close()
    found = rows(tmp_path)

    assert verdict == ("ok",)
    assert [payload for _, payload in found] == [str(number) for number in range(len(found))]


def test_one_row_beyond_the_most_that_wait_is_counted_and_said(tmp_path: Path) -> None:
    journal = Journal(partial(open_database, tmp_path), pending_rows_max=10)

    for number in range(13):
        journal.record(None, None, "", "=", "row", str(number))
    journal.open()
    journal.close()

    found = rows(tmp_path)
    assert [payload for type_, payload in found if type_ == "row"] == [str(number) for number in range(10)]
    assert found[-1] == ("gap", "3 rows are missing: the disk could not keep up")


def test_a_full_disk_degrades_the_journal_and_loses_nothing_once_there_is_room(tmp_path: Path) -> None:
    connections: list[sqlite3.Connection] = []

    def open_small() -> sqlite3.Connection:
        connection = open_database(tmp_path)
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
        connections.append(connection)
        return connection

    journal = Journal(open_small)
    journal.open()
    for number in range(500):
        journal.record("d", "pico", "", "<", "log", f"{number} " + "x" * 400)
    wait_until(lambda: journal.state != "ok")
    assert "cannot be written" in journal.state

    connections[0].execute("PRAGMA max_page_count = 1000000")
    wait_until(lambda: journal.state == "ok")
    journal.close()

    assert len(rows(tmp_path, "type = 'log'")) == 500


def test_a_payload_beyond_the_maximum_is_cut_and_marked(tmp_path: Path) -> None:
    journal = Journal(partial(open_database, tmp_path))
    journal.open()

    journal.record("d", "pico", "", "<", "log", "x" * PAYLOAD_CHARS_MAX)
    journal.record("d", "pico", "", "<", "log", "x" * (PAYLOAD_CHARS_MAX + 1))
    journal.close()

    whole, cut = (payload for _, payload in rows(tmp_path))
    assert whole == "x" * PAYLOAD_CHARS_MAX
    assert cut == "x" * PAYLOAD_CHARS_MAX + "…"


def test_rows_older_than_the_retention_are_forgotten(tmp_path: Path) -> None:
    days = [0.0]
    journal = Journal(partial(open_database, tmp_path), retain_days=7, clock_s=lambda: 86_400 * days[0])
    journal.record(None, None, "", "=", "old", "")
    days[0] = 8.0
    journal.record(None, None, "", "=", "new", "")
    journal.open()
    wait_until(lambda: [type_ for type_, _ in rows(tmp_path)] == ["new"])

    assert journal.close()


def test_the_oldest_rows_go_when_the_file_is_too_large(tmp_path: Path) -> None:
    journal = Journal(partial(open_database, tmp_path), retain_bytes_max=1_000_000)
    for number in range(6000):
        journal.record("d", "pico", "", "<", "log", f"{number} " + "x" * 400)
    journal.open()
    wait_until(lambda: 0 < len(rows(tmp_path)) < 6000)
    journal.close()

    assert rows(tmp_path)[-1][1].startswith("5999 ")
