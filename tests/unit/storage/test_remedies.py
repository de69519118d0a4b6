"""What people are told to do about a disk, by the error that it gave."""

from __future__ import annotations

import errno
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from darvaz.gateway.storage.remedies import remedy_of


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "free the disk of the data folder"),
        (errno.EROFS, "make the data folder writable again; if its disk has become read-only, it may be failing"),
        (errno.EIO, "look at the disk of the data folder: it is failing, or read-only"),
    ],
)
def test_an_error_of_the_system_says_what_to_do(number: int, remedy: str) -> None:
    assert remedy_of(OSError(number, "as the system says it")) == remedy


def test_a_database_that_may_only_be_read_says_that_it_is_to_be_made_writable(tmp_path: Path) -> None:
    file = tmp_path / "read.sqlite3"
    with closing(sqlite3.connect(file)) as made:
        made.execute("CREATE TABLE kept (value)")
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection, pytest.raises(sqlite3.Error) as no:
        connection.execute("INSERT INTO kept VALUES (1)")

    assert remedy_of(no.value).startswith("make the data folder writable again")
