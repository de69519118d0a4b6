"""The data folder and its database: created, migrated, and every error explained with its remedy."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from darvaz.gateway.journal.queries import JournalFilter, read
from darvaz.gateway.storage.database import (
    BUSY_TIMEOUT_MS,
    DATABASE_NAME,
    StorageError,
    explain,
    open_database,
    opened,
    transaction,
)
from darvaz.gateway.storage.schema import MIGRATIONS

NOBODY = 65_534


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def connection(folder: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_database(folder)) as connection:
        yield connection


@pytest.fixture
def closed_folder() -> Iterator[Path]:
    """A folder that nobody may write, seen by a user for whom that holds, which root is not."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o555)
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        if is_root:
            os.seteuid(0)
        folder.chmod(0o755)
        shutil.rmtree(folder)


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def settings_of(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    return connection.execute("SELECT key, value FROM settings").fetchall()


def test_only_the_owner_may_read_folder_and_files(folder: Path, connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO settings VALUES ('a', 'b')")

    assert mode_of(folder) == 0o700
    assert {mode_of(path) for path in folder.iterdir()} == {0o600}
    assert {path.name for path in folder.iterdir()} >= {DATABASE_NAME, f"{DATABASE_NAME}-wal"}


def test_a_database_that_others_could_read_is_made_private(folder: Path) -> None:
    open_database(folder).close()
    (folder / DATABASE_NAME).chmod(0o644)

    open_database(folder).close()

    assert mode_of(folder / DATABASE_NAME) == 0o600


def test_the_connection_is_set_up_for_one_writer_and_many_readers(connection: sqlite3.Connection) -> None:
    def pragma(name: str) -> object:
        return connection.execute(f"PRAGMA {name}").fetchone()[0]

    assert (pragma("journal_mode"), pragma("synchronous"), pragma("busy_timeout")) == ("wal", 1, BUSY_TIMEOUT_MS)
    assert connection.isolation_level is None


def test_all_tables_are_there(connection: sqlite3.Connection) -> None:
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")

    expected = "alert_channels alert_messages alert_rules alert_waiting alerts camera_motion camera_pictures crashes"
    others = "devices esphome_nodes invitations journal_batches journal_index journal_rare journal_rare_due layouts"
    rest = "people push_subscriptions releases rollout_targets rollouts rules sequences sessions settings"
    last = "sign_in_links tokens update_keys"
    assert sorted(name for (name,) in names) == " ".join((expected, others, rest, last)).split()


def test_a_journal_of_the_first_version_is_kept_row_by_row(folder: Path) -> None:
    rows = [
        (1000 + n, f"device {n % 3}" if n % 4 else None, "pico", "", "<", "log", f'"{n}" سلام') for n in range(1234)
    ]
    folder.mkdir()
    with closing(sqlite3.connect(folder / DATABASE_NAME, isolation_level=None)) as old:
        for statement in map(str, MIGRATIONS[0]):
            old.execute(statement)
        old.execute("PRAGMA user_version = 1")
        old.execute("INSERT INTO journal (time_ms, type) VALUES (1, 'retained no more')")
        old.execute("DELETE FROM journal")
        # One transaction: with one for each row the disk would be written 1,234 times.
        old.execute("BEGIN")
        old.executemany(
            "INSERT INTO journal (time_ms, device, kind, address, direction, type, payload) VALUES (?,?,?,?,?,?,?)",
            rows,
        )
        old.execute("COMMIT")

    with closing(open_database(folder)) as connection:
        seen = connection.execute("SELECT * FROM journal ORDER BY id").fetchall()
        found = read(connection, JournalFilter(device="device 1"), 10_000)

    assert [row[1:] for row in seen] == rows
    assert [row[0] for row in seen] == list(range(2, 1236))
    assert len(found) == len([row for row in rows if row[1] == "device 1"])


def test_data_is_there_after_opening_again(folder: Path) -> None:
    with opened(folder) as connection:
        connection.execute("INSERT INTO settings VALUES ('a', 'b')")

    with opened(folder) as connection:
        assert settings_of(connection) == [("a", "b")]


def test_the_connection_may_be_used_by_another_thread(connection: sqlite3.Connection) -> None:
    found: list[object] = []

    thread = threading.Thread(target=lambda: found.extend(settings_of(connection)))
    connection.execute("INSERT INTO settings VALUES ('a', 'b')")
    thread.start()
    thread.join(timeout=10)

    assert found == [("a", "b")]


def test_a_transaction_is_kept_whole(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        connection.execute("INSERT INTO settings VALUES ('a', '1')")
        connection.execute("INSERT INTO settings VALUES ('b', '2')")

    assert not connection.in_transaction
    assert len(settings_of(connection)) == 2


def test_a_transaction_that_fails_changes_nothing(connection: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.IntegrityError), transaction(connection):
        connection.execute("INSERT INTO settings VALUES ('a', '1')")
        connection.execute("INSERT INTO settings VALUES ('a', '2')")

    assert not connection.in_transaction
    assert settings_of(connection) == []


def test_two_openings_at_once_make_the_tables_once(folder: Path) -> None:
    errors: list[Exception] = []

    def open_and_close() -> None:
        try:
            open_database(folder).close()
        except (StorageError, sqlite3.Error) as error:
            errors.append(error)

    threads = [threading.Thread(target=open_and_close) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert errors == []


# Errors


def test_a_missing_parent_is_explained(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"nowhere is missing; make it, or use --data$"):
        open_database(tmp_path / "nowhere" / "data")


def test_a_file_in_place_of_the_folder_is_explained(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")

    with pytest.raises(StorageError, match="is a file, not a folder"):
        open_database(tmp_path / "data")


def test_a_file_in_place_of_the_parent_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StorageError, match="file is not a folder"):
        open_database(tmp_path / "file" / "data")


def test_a_folder_in_place_of_the_database_is_explained(folder: Path) -> None:
    (folder / DATABASE_NAME).mkdir(parents=True)

    with pytest.raises(StorageError, match="is a folder, not a database"):
        open_database(folder)


def test_a_folder_that_cannot_be_made_is_explained(closed_folder: Path) -> None:
    with pytest.raises(StorageError, match=r"data cannot be made \(Permission denied\)"):
        open_database(closed_folder / "data")


def test_a_folder_that_cannot_be_written_is_explained(closed_folder: Path) -> None:
    with pytest.raises(StorageError, match="cannot be written: give this user the right to"):
        open_database(closed_folder)


def test_a_file_that_is_not_a_database_is_explained(folder: Path) -> None:
    folder.mkdir()
    (folder / DATABASE_NAME).write_bytes(b"These are my holiday notes. " * 100)

    with pytest.raises(StorageError, match="is damaged or not a database: move it away"):
        open_database(folder)


def test_a_damaged_database_is_explained(folder: Path) -> None:
    open_database(folder).close()
    path = folder / DATABASE_NAME
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))

    with pytest.raises(StorageError, match="is damaged or not a database"), opened(folder) as connection:
        settings_of(connection)


@pytest.mark.parametrize("version", range(len(MIGRATIONS)))
def test_a_database_of_any_older_darvaz_is_migrated_and_keeps_its_rows(
    tmp_path: Path, folder: Path, version: int
) -> None:
    def shape(connection: sqlite3.Connection) -> list[tuple[str, ...]]:
        return connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY type, name").fetchall()

    folder.mkdir()
    with closing(sqlite3.connect(folder / DATABASE_NAME, isolation_level=None)) as old:
        for statements in MIGRATIONS[:version]:
            for statement in map(str, statements):
                old.execute(statement)
        old.execute(f"PRAGMA user_version = {version}")
        if version:
            old.execute("INSERT INTO settings VALUES ('a', 'kept')")

    with closing(open_database(folder)) as updated, closing(open_database(tmp_path / "fresh")) as fresh:
        assert shape(updated) == shape(fresh)
        assert updated.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        assert settings_of(updated) == ([("a", "kept")] if version else [])


def test_a_database_of_a_newer_darvaz_is_left_alone(folder: Path) -> None:
    with opened(folder) as connection:
        connection.execute("PRAGMA user_version = 99")

    with pytest.raises(StorageError, match="written by a newer Darvaz"):
        open_database(folder)

    with closing(sqlite3.connect(folder / DATABASE_NAME)) as bare:
        assert bare.execute("PRAGMA user_version").fetchone() == (99,)


def test_a_full_disk_is_explained_and_leaves_no_transaction_open(folder: Path, connection: sqlite3.Connection) -> None:
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(sqlite3.OperationalError) as raised, transaction(connection):
        connection.execute("INSERT INTO settings VALUES ('a', ?)", ("x" * 100_000,))

    assert "is full: free some space" in str(explain(raised.value, folder))
    assert not connection.in_transaction


def test_a_database_that_turned_read_only_is_explained(folder: Path) -> None:
    with pytest.raises(StorageError, match="cannot be written"), opened(folder) as connection:
        connection.execute("PRAGMA query_only = 1")
        connection.execute("INSERT INTO settings VALUES ('a', 'b')")


def test_a_database_that_another_program_holds_is_explained(folder: Path, connection: sqlite3.Connection) -> None:
    with closing(open_database(folder)) as other, transaction(other):
        connection.execute("PRAGMA busy_timeout = 0")
        with pytest.raises(sqlite3.OperationalError) as raised:
            connection.execute("BEGIN IMMEDIATE")

    assert "is busy: another program holds it locked" in str(explain(raised.value, folder))


def test_any_other_error_has_a_remedy(folder: Path) -> None:
    with pytest.raises(StorageError, match=r"cannot be used \(no such table: gone\): move it away"):
        with opened(folder) as connection:
            connection.execute("SELECT * FROM gone")


def test_an_error_without_a_code_has_a_remedy(folder: Path) -> None:
    text = str(explain(sqlite3.ProgrammingError("Cannot operate on a closed database."), folder))

    assert text.endswith("move it away to start with an empty one")


def test_a_program_that_reads_does_not_delete_the_log_of_one_that_writes(folder: Path) -> None:
    program = "import sys; from pathlib import Path; from darvaz.gateway.storage.database import open_database;"
    program += "c = open_database(Path(sys.argv[1])); print(c.execute('SELECT count(*) FROM settings').fetchone()[0])"

    def count_in_another_process() -> int:
        return int(subprocess.run([sys.executable, "-c", program, str(folder)], capture_output=True, check=True).stdout)

    with closing(open_database(folder)) as writer, closing(open_database(folder)):
        for number in range(3):
            writer.execute("INSERT INTO settings VALUES (?, 'x')", (str(number),))
            assert count_in_another_process() == number + 1


def test_programs_that_start_at_once_all_open_the_database(tmp_path: Path) -> None:
    def begin(folder: Path) -> int:
        with closing(open_database(folder)) as connection:
            return int(connection.execute("SELECT count(*) FROM journal").fetchone()[0])

    folders = [tmp_path / str(number) for number in range(25) for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(begin, folders)) == [0] * len(folders)
