"""The SQLite files of the data folder: opened, migrated, and their errors explained."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from darvaz.gateway.storage.schema import MIGRATIONS, Migrations

DATABASE_NAME = "darvaz.sqlite3"
# How long one process waits for another's write. The event loop waits too, so it must be shorter than a heartbeat.
BUSY_TIMEOUT_MS = 5_000
_BUSY_WAIT_S = 0.01
# The write-ahead log is truncated to this after a burst; otherwise it keeps its largest size.
WAL_BYTES_MAX = 16 * 1024 * 1024
# With less than this, SQLite has no space for the files it needs next to the database.
_FREE_BYTES_MIN = 65_536

_FOLDER_MODE = 0o700
_FILE_MODE = 0o600


class StorageError(Exception):
    """The data folder or its database cannot be used; the text says why, and what to do."""


def open_database(folder: Path, name: str = DATABASE_NAME, migrations: Migrations = MIGRATIONS) -> sqlite3.Connection:
    """Opens a database of a data folder, making both if need be, and brings its tables up to date.

    The connection is in autocommit; use `transaction` for several statements. Each thread that writes
    opens its own. Raises `StorageError` with a sentence for people.
    """
    path = folder / name
    make_folder(folder)
    _make_file(path)
    until_s = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            return _open(path, migrations)
        except sqlite3.Error as error:
            # Of two processes that start at once, SQLite lets neither wait, because each could wait for the other.
            is_busy = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF == sqlite3.SQLITE_BUSY
            if not is_busy or time.monotonic() >= until_s:
                raise explain(error, folder, name) from None
        time.sleep(_BUSY_WAIT_S)


def _open(path: Path, migrations: Migrations) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False)
    try:
        # Free pages go back to the disk. In a file that is not new, SQLite would only write its header again.
        if connection.execute("PRAGMA page_count").fetchone()[0] == 0:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES_MAX}")
        _migrate(connection, path.parent, migrations)
    except (sqlite3.Error, StorageError):
        connection.close()
        raise
    return connection


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[sqlite3.Connection]:
    """Opens the database for a short use; every error of it becomes a `StorageError`."""
    connection = open_database(folder)
    try:
        # What a command has said is done survives a power cut.
        connection.execute("PRAGMA synchronous = FULL")
        changes = connection.total_changes
        yield connection
        if connection.total_changes != changes:
            # With asyncio, which takes longer to load than most commands of the command line take.
            from darvaz.gateway.storage.change_notices import notify_gateway

            notify_gateway(folder)
    except sqlite3.Error as error:
        raise explain(error, folder) from None
    finally:
        connection.close()


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Makes the statements inside one transaction: all of them are kept, or none."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # After a full disk SQLite has rolled back by itself; a second ROLLBACK would hide the first error.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def path_of(connection: sqlite3.Connection) -> Path:
    """Returns the file of an open database."""
    return Path(connection.execute("PRAGMA database_list").fetchone()[2])


def sync_wal(database: Path) -> None:
    """Makes durable what was committed, where `synchronous = NORMAL` leaves that to a checkpoint; raises OSError.

    From any thread. SQLite's locks are on the database file, so the write-ahead log may be opened beside it.
    """
    try:
        descriptor = os.open(f"{database}-wal", os.O_RDWR)
    except FileNotFoundError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_setting(connection: sqlite3.Connection, key: str) -> str | None:
    """Returns a value that the gateway keeps by name."""
    row = connection.execute("SELECT value FROM settings WHERE key = ?", (key,)).fetchone()
    return row[0] if row else None


def write_setting(connection: sqlite3.Connection, key: str, value: str) -> None:
    """Keeps a value by name."""
    connection.execute("INSERT OR REPLACE INTO settings (key, value) VALUES (?, ?)", (key, value))


def explain(error: sqlite3.Error, folder: Path, name: str = DATABASE_NAME) -> StorageError:
    """Returns an error of SQLite as a sentence for people, with what to do."""
    path = folder / name
    code = getattr(error, "sqlite_errorcode", None)
    # SQLite reports a file that does not fit on a full disk as one that it may not create.
    if code is not None and _is_full(folder):
        code = sqlite3.SQLITE_FULL
    sentences = {
        sqlite3.SQLITE_FULL: _full(folder),
        sqlite3.SQLITE_READONLY: _not_writable(folder),
        sqlite3.SQLITE_CANTOPEN: _not_writable(folder),
        sqlite3.SQLITE_PERM: _not_writable(folder),
        sqlite3.SQLITE_NOTADB: _not_ours(path),
        sqlite3.SQLITE_CORRUPT: _not_ours(path),
        sqlite3.SQLITE_BUSY: f"{path} is busy: another program holds it locked; close that program and try again",
        sqlite3.SQLITE_IOERR: f"{path} cannot be read or written: look at the disk, or use --data on another one",
    }
    # The upper bits of an extended code say which call failed, which does not help people.
    sentence = sentences.get(code & 0xFF) if code is not None else None
    return StorageError(sentence or f"{path} cannot be used ({error}): move it away to start with an empty one")


def explain_os(error: OSError, folder: Path) -> StorageError:
    """Returns a failed file operation as a sentence with what to do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageError(_full(folder))
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return StorageError(_not_writable(folder))
    return StorageError(f"{folder} cannot be used ({error.strerror}): look at the disk, or use --data on another one")


def make_folder(folder: Path) -> None:
    """Makes a data folder, but not its parent; raises `StorageError`."""
    try:
        folder.mkdir(mode=_FOLDER_MODE, exist_ok=True)
    except FileNotFoundError:
        raise StorageError(f"{folder} cannot be made: {folder.parent} is missing; make it, or use --data") from None
    except FileExistsError:
        raise StorageError(f"{folder} is a file, not a folder: move it away, or use --data") from None
    except NotADirectoryError:
        raise StorageError(f"{folder} cannot be made: {folder.parent} is not a folder; use --data") from None
    except OSError as error:
        raise StorageError(f"{folder} cannot be made ({error.strerror}): use --data with one that can") from None


def _make_file(path: Path) -> None:
    """Creates the file before SQLite does, which would let every user read it.

    An existing file is not opened: closing it would drop all locks of this process on it, those of other connections
    included, and the next program to end would delete the log that this one still writes
    (sqlite.org/howtocorrupt.html, section 2.2).
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, _FILE_MODE))
    except FileExistsError:
        _check_file(path)
    except OSError as error:
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise StorageError(_full(path.parent) if is_full else _not_writable(path.parent)) from None


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise StorageError(f"{path} is a folder, not a database: move it away, or use --data")
    if not os.access(path, os.R_OK | os.W_OK):
        raise StorageError(_not_writable(path.parent))
    # A file of another user in a shared group may be written, but its mode not changed.
    with contextlib.suppress(PermissionError):
        path.chmod(_FILE_MODE)


def _migrate(connection: sqlite3.Connection, folder: Path, migrations: Migrations) -> None:
    if _version(connection) == len(migrations):
        return
    with transaction(connection):
        # Read again inside the transaction: another process may have migrated while this one waited.
        version = _version(connection)
        if version > len(migrations):
            raise StorageError(f"{folder} was written by a newer Darvaz: update this one, or use --data")
        for statements in migrations[version:]:
            for statement in statements:
                if isinstance(statement, str):
                    connection.execute(statement)
                else:
                    statement(connection)
        connection.execute(f"PRAGMA user_version = {len(migrations)}")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < _FREE_BYTES_MIN
    except OSError:
        return False


def _full(folder: Path) -> str:
    return f"the disk of {folder} is full: free some space, or use --data on another disk"


def _not_writable(folder: Path) -> str:
    return f"{folder} cannot be written: give this user the right to, or use --data with a folder that can be"


def _not_ours(path: Path) -> str:
    return f"{path} is damaged or not a database: move it away to start with an empty one, or put a backup in its place"
