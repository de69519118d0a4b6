"""Entries of kilobytes, such as introductions: written early, and in batches that do not hold the interpreter long."""

from __future__ import annotations

import time
from contextlib import closing
from functools import partial
from pathlib import Path

from darvaz.gateway.journal import limits
from darvaz.gateway.journal.batches import PAYLOAD_CHARS_MAX
from darvaz.gateway.journal.writer import Journal
from darvaz.gateway.storage.database import open_database
from tests.support.databases import open_journal

ROWS_OF_A_FLUSH = limits.FLUSH_CHARS // PAYLOAD_CHARS_MAX


def sizes(folder: Path) -> list[int]:
    with closing(open_database(folder)) as connection:
        return [size for (size,) in connection.execute("SELECT size FROM journal_batches ORDER BY id")]


def test_one_row_beyond_the_characters_of_a_flush_has_all_written(tmp_path: Path) -> None:
    """Otherwise the introductions of thousands of boards that connect at once would be too many to wait."""
    journal = Journal(partial(open_journal, tmp_path), has_record_log=True)
    journal.open()
    for _ in range(ROWS_OF_A_FLUSH):
        journal.record(None, None, "", "=", "row", "x" * PAYLOAD_CHARS_MAX)
    assert not journal.writer.written

    journal.record(None, None, "", "=", "row", "one more")

    deadline_s = time.monotonic() + 60
    # The writer may be so quick that it does not see the last.
    while journal.pending_rows > 1 and time.monotonic() < deadline_s:
        time.sleep(0.02)
    assert journal.pending_rows <= 1
    assert journal.close()
    assert sum(sizes(tmp_path)) == ROWS_OF_A_FLUSH + 1
    assert set(sizes(tmp_path)) == {limits.CHARS_PER_BATCH // PAYLOAD_CHARS_MAX, 1}
