"""What an upgrade does to a data folder: which tables change, whether there is space, and which backup there is.

Nothing is changed by looking.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec

from darvaz.gateway.storage.backup_format import LIST_BYTES_MAX, LIST_NAME, BackupList
from darvaz.gateway.storage.database import StorageError
from darvaz.gateway.storage.folder_lock import LOCK_NAME

# Of the files beside the data folder, at most these are looked at.
FILES_MAX = 200
# SQLite keeps what a change of tables replaces until it is complete.
_SPACE_FACTOR = 2


class DatabaseState(NamedTuple):
    """A database: the version of its tables, that of this Darvaz, and its size."""

    name: str
    version: int
    newest: int
    size_bytes: int

    @property
    def steps(self) -> int:
        """How many changes of its tables are to be made; negative if a newer Darvaz made them."""
        return self.newest - self.version


class FoundBackup(NamedTuple):
    """A backup: its file, when and by which Darvaz it was made, and whether it has the tables as they are now."""

    file: Path
    made_s: float
    darvaz: str
    is_of_these_tables: bool


class UpgradeState(NamedTuple):
    """A data folder before an upgrade."""

    databases: list[DatabaseState]
    free_bytes: int
    holder: str | None
    """The process that uses the folder."""
    backup: FoundBackup | None

    @property
    def is_newer(self) -> bool:
        """Whether a newer Darvaz wrote the folder: this one refuses it."""
        return any(database.steps < 0 for database in self.databases)

    @property
    def changes(self) -> list[DatabaseState]:
        """The databases whose tables change."""
        return [database for database in self.databases if database.steps > 0]

    @property
    def needed_bytes(self) -> int:
        """The free space that the changes need."""
        return sum(database.size_bytes for database in self.changes) * _SPACE_FACTOR


def examine(folder: Path, known: Mapping[str, int], backups: Iterable[Path]) -> UpgradeState:
    """Returns the state of a data folder; `known` are the versions of this Darvaz, `backups` the files to look at.

    Raises `StorageError`.
    """
    databases = [state for name, newest in known.items() if (state := _state(folder / name, newest)) is not None]
    if not databases:
        raise StorageError(f"{folder} has no data of Darvaz: name its folder with --data")
    versions = {database.name: database.version for database in databases}
    found = [backup for file in backups if (backup := _read_backup(file, versions)) is not None]
    return UpgradeState(
        databases=databases,
        free_bytes=shutil.disk_usage(folder).free,
        holder=_holder(folder),
        backup=max(found, key=lambda backup: backup.made_s, default=None),
    )


def archives_in(folders: Iterable[Path]) -> Iterator[Path]:
    """Yields the archives in folders, which may be backups."""
    for folder in folders:
        with contextlib.suppress(OSError):
            yield from sorted(path for path in folder.glob("*.tar") if path.is_file())[:FILES_MAX]


def _state(path: Path, newest: int) -> DatabaseState | None:
    if not path.exists():
        return None
    try:
        version = _version(path)
    except sqlite3.Error as error:
        raise StorageError(f"{path} cannot be read: {error}") from None
    size_bytes = sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*") if file.is_file())
    return DatabaseState(path.name, version, newest, size_bytes)


def _version(path: Path) -> int:
    # Read-only, so that neither a table nor the write-ahead log is changed.
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        number: int = connection.execute("PRAGMA user_version").fetchone()[0]
        return number


def _holder(folder: Path) -> str | None:
    """Returns the number of the process that uses a folder; None if there is none, or no such locks."""
    try:
        import fcntl

        with (folder / LOCK_NAME).open("r+b") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return file.read(32).decode("ascii", "replace").strip() or "unknown"
    except (ImportError, OSError):
        pass
    return None


def _read_backup(file: Path, versions: Mapping[str, int]) -> FoundBackup | None:
    """Returns what a file says of itself if it is a backup; its checksums are checked by `darvaz restore`."""
    try:
        with tarfile.open(file, mode="r:") as archive:
            content = archive.extractfile(LIST_NAME)
            found = None if content is None else msgspec.json.decode(content.read(LIST_BYTES_MAX), type=BackupList)
    except (OSError, tarfile.TarError, KeyError, msgspec.MsgspecError):
        return None
    if found is None:
        return None
    same = all(found.tables.get(name) == version for name, version in versions.items())
    return FoundBackup(file, found.made_s, found.darvaz, same)
