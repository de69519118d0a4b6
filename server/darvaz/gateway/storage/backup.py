"""Makes a backup of a data folder, whether its gateway runs or not: nothing waits for it, and nothing is changed."""

from __future__ import annotations

import hashlib
import io
import os
import sqlite3
import stat
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import BinaryIO

import msgspec

from darvaz.gateway.storage.backup_format import (
    COPY_BYTES,
    DATABASE_SUFFIX,
    FORMAT,
    LIST_NAME,
    RECORDS_NAME,
    WORK_PREFIX,
    BackupFile,
    BackupList,
    Progress,
    belongs,
)
from darvaz.gateway.storage.damage import DamagedError, check
from darvaz.gateway.storage.database import DATABASE_NAME, StorageError, explain
from darvaz.gateway.storage.folder_sync import sync_folder
from darvaz.gateway.storage.record_copy import copy_records

# How long a lock of SQLite is waited for; a writer does not delay a reader.
_BUSY_S = 15.0
_PAGES = 256
_BINARY = getattr(os, "O_BINARY", 0)
_READ_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | _BINARY


def make_backup(
    folder: Path, target: Path, *, darvaz: str, made_s: float, replace: bool = False, progress: Progress | None = None
) -> BackupList:
    """Writes a backup of a data folder into a new file that only its owner can read, whole or not at all.

    Raises `StorageError` with a sentence for people.
    """
    _check_target(folder, target, replace)
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as work:
            partial = Path(work) / "archive"
            with _private(partial) as file:
                with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
                    made = _Archive(folder, Path(work), tar, progress).write(darvaz, made_s)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, target)
            sync_folder(target.parent)
    except OSError as error:
        raise StorageError(f"no backup was made ({error}): look at the disks of {target.parent} and {folder}") from None
    return made


def stream_backup(
    folder: Path, stream: BinaryIO, *, darvaz: str, made_s: float, progress: Progress | None = None
) -> BackupList:
    """Writes a backup of a data folder into a pipe, such as standard output; copies of databases are in the folder.

    What was written is a whole backup only if this returns. Raises `StorageError` with a sentence for people.
    """
    _check_folder(folder)
    try:
        with (
            tempfile.TemporaryDirectory(dir=folder, prefix=WORK_PREFIX) as work,
            tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar,
        ):
            return _Archive(folder, Path(work), tar, progress).write(darvaz, made_s)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise StorageError(f"the backup is not whole ({error}): look at the disk of {folder}") from None


def _check_folder(folder: Path) -> None:
    if not (folder / DATABASE_NAME).exists():
        raise StorageError(f"no data in {folder}: name the gateway's folder with --data")


def _check_target(folder: Path, target: Path, replace: bool) -> None:
    _check_folder(folder)
    if not target.parent.is_dir():
        raise StorageError(f"{target} cannot be written: {target.parent} is not a folder")
    if folder.resolve() in target.resolve().parents:
        raise StorageError(f"{target} is in the data folder: put the backup elsewhere, best on another disk")
    if target.is_dir() or (target.exists() and not replace):
        raise StorageError(f"{target} exists already: choose another name, or --force to replace a file")


class _Archive:
    """One backup while it is written."""

    def __init__(self, folder: Path, work: Path, tar: tarfile.TarFile, progress: Progress | None) -> None:
        self._folder = folder
        self._work = work
        self._tar = tar
        self._files: dict[str, BackupFile] = {}
        self._tables: dict[str, int] = {}
        self._progress = progress
        # Bytes that were read or copied, and how many there will be about.
        self._done_bytes = self._total_bytes = 0

    def write(self, darvaz: str, made_s: float) -> BackupList:
        names = sorted(_names_in(self._folder))
        databases = [name for name in names if name.endswith(DATABASE_SUFFIX)]
        self._total_bytes = sum(self._size(name) for name in [*names, *databases])
        # In this order: what a database takes meanwhile is in the record log, or in the database, or in both.
        self._add_records()
        for name in databases:
            self._add_database(name)
        for name in names:
            if name not in databases:
                with suppress(FileNotFoundError):
                    self._add(name, self._folder / name)
        made = BackupList(FORMAT, darvaz, made_s, self._tables, self._files)
        text = msgspec.json.format(msgspec.json.encode(made))
        self._tar.addfile(_member(LIST_NAME, len(text), made_s), io.BytesIO(text))
        return made

    def _size(self, name: str) -> int:
        with suppress(FileNotFoundError):
            return os.lstat(self._folder / name).st_size
        return 0

    def _add_records(self) -> None:
        copy = self._work / RECORDS_NAME
        with copy.open("w+b") as file:
            copy_records(self._folder, file)
        self._add(RECORDS_NAME, copy)
        copy.unlink()

    def _add_database(self, name: str) -> None:
        copy = self._work / "database"
        try:
            self._tables[name] = self._copy_database(self._folder / name, copy)
            check(copy)
        except DamagedError as error:
            raise StorageError(
                f"{self._folder / name} is damaged ({error}): nothing was backed up; put an earlier backup in its place"
            ) from None
        except sqlite3.Error as error:
            is_full = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
            raise explain(error, self._work.parent if is_full else self._folder, name) from None
        self._add(name, copy)
        copy.unlink()

    def _copy_database(self, path: Path, copy: Path) -> int:
        """Copies a database as it is at one moment, and returns the version of its tables."""
        with closing(_open_for_reading(path)) as source, closing(sqlite3.connect(copy)) as target:
            # While it reads, it stays at this state, and no write makes it begin again.
            source.execute("BEGIN")
            version = int(source.execute("PRAGMA user_version").fetchone()[0])
            page_bytes = int(source.execute("PRAGMA page_size").fetchone()[0])
            source.execute("SELECT count(*) FROM sqlite_master").fetchone()
            start_bytes = self._done_bytes
            source.backup(
                target,
                pages=_PAGES,
                progress=lambda _, left, total: self._advance_to(start_bytes + (total - left) * page_bytes),
            )
            # A copy in WAL mode would bring two more files.
            target.execute("PRAGMA journal_mode = DELETE")
            return version

    def _add(self, name: str, path: Path) -> None:
        """Adds a file, with as many bytes as it has now."""
        with os.fdopen(os.open(path, _READ_FLAGS), "rb") as file:
            about = os.fstat(file.fileno())
            reader = _Hashed(file, lambda count: self._advance_to(self._done_bytes + count))
            self._tar.addfile(_member(name, about.st_size, about.st_mtime), reader)
        self._files[name] = BackupFile(about.st_size, reader.sha256.hexdigest())

    def _advance_to(self, done_bytes: int) -> None:
        self._done_bytes = done_bytes
        if self._progress is not None:
            self._progress(min(done_bytes, self._total_bytes), self._total_bytes)


class _Hashed(io.RawIOBase):
    """A file that is read once, with its checksum."""

    def __init__(self, file: BinaryIO, advance: Callable[[int], None]) -> None:
        self._file = file
        self._advance = advance
        self.sha256 = hashlib.sha256()

    def read(self, size: int = COPY_BYTES, /) -> bytes:
        data = self._file.read(size)
        self.sha256.update(data)
        self._advance(len(data))
        return data


def _open_for_reading(path: Path) -> sqlite3.Connection:
    # A reader that may write leaves none of SQLite's own files behind where no gateway runs.
    mode = "rw" if os.access(path, os.W_OK) else "ro"
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, timeout=_BUSY_S, isolation_level=None)


def _private(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY, 0o600), "w+b")


def _names_in(folder: Path) -> Iterator[str]:
    """Yields the paths of the plain files of a data folder that belong to a backup; links are not followed."""
    for home, _, names in os.walk(folder):
        for name in names:
            path = Path(home, name)
            inside = path.relative_to(folder).as_posix()
            if belongs(inside) and stat.S_ISREG(path.lstat().st_mode):
                yield inside


def _member(name: str, size: int, unix_s: float) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mtime, member.mode = size, int(unix_s), 0o600
    return member
