"""Puts a backup into a data folder that no gateway uses: checked as a whole first, then all of it at once."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO

import msgspec

from darvaz.gateway.storage.backup_format import (
    COPY_BYTES,
    FORMAT,
    LIST_BYTES_MAX,
    LIST_NAME,
    RECORDS_NAME,
    REPLACED_NAME,
    BackupFile,
    BackupList,
    Progress,
    is_safe,
)
from darvaz.gateway.storage.database import StorageError, explain_os
from darvaz.gateway.storage.folder_lock import LOCK_NAME, FolderLock
from darvaz.gateway.storage.folder_sync import sync_folder
from darvaz.gateway.storage.record_copy import RecordCopyError, read_copy, write_records

_STAGE_PREFIX = ".restoring-"
_WRITE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def restore_backup(
    file: Path,
    folder: Path,
    *,
    known: Mapping[str, int],
    replace: bool = False,
    progress: Progress | None = None,
    stream: BinaryIO | None = None,
) -> BackupList:
    """Makes a data folder what it was when the backup was made; `known` are the versions of tables, by database.

    With a stream, such as standard input, the backup is read from that, and `file` is only its name in messages.
    A folder that is not empty is refused without `replace`. Raises `StorageError` with a sentence for people; the
    folder is then as it was.
    """
    if stream is None and not file.is_file():
        raise StorageError(f"{file} is not a file: name one that darvaz backup has made")
    is_new = not folder.exists()
    lock = FolderLock.take(folder)
    try:
        found = _restore(file, folder, known, replace, progress, stream)
    except BaseException as error:
        if is_new:
            with suppress(OSError):
                (folder / LOCK_NAME).unlink(missing_ok=True)
                folder.rmdir()
        if isinstance(error, OSError):
            raise explain_os(error, folder) from None
        raise
    finally:
        if lock is not None:
            lock.release()
    return found


def _restore(
    file: Path,
    folder: Path,
    known: Mapping[str, int],
    replace: bool,
    progress: Progress | None,
    stream: BinaryIO | None,
) -> BackupList:
    _check_empty(folder, replace)
    for left in folder.glob(f"{_STAGE_PREFIX}*"):
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(dir=folder, prefix=_STAGE_PREFIX) as stage:
        found = _unpack(file, Path(stage), known, progress, stream)
        _complete(Path(stage), folder)
        _swap(Path(stage), folder)
    return found


def _check_empty(folder: Path, replace: bool) -> None:
    has_more = any(path.name != LOCK_NAME and not path.name.startswith(_STAGE_PREFIX) for path in folder.iterdir())
    if has_more and not replace:
        raise StorageError(f"{folder} is not empty: use --data with a new folder, or --force to replace what it has")


# The archive


def _unpack(
    file: Path, stage: Path, known: Mapping[str, int], progress: Progress | None, stream: BinaryIO | None
) -> BackupList:
    """Writes and checks what a backup has."""
    total_bytes = file.stat().st_size if stream is None else 0
    written: dict[str, BackupFile] = {}
    found: BackupList | None = None
    with _explained(file), _opened(file, stream) as archive:
        for member in archive:
            if found is not None or member.name in written:
                raise tarfile.ReadError("it has a file twice")
            content = archive.extractfile(member) if member.isreg() and not member.issparse() else None
            if content is None:
                raise tarfile.ReadError("it has more than plain files")
            if member.name == LIST_NAME:
                found = msgspec.json.decode(content.read(LIST_BYTES_MAX), type=BackupList)
            elif is_safe(member.name):
                written[member.name] = _write_file(content, stage / member.name)
            else:
                raise tarfile.ReadError(f"{member.name!r} is not the name of a file of a data folder")
            if progress is not None:
                progress(member.offset_data + member.size, max(total_bytes, member.offset_data + member.size))
        if found is None:
            raise tarfile.ReadError("its end is missing")
        _check_versions(found, known)
        if found.files != written:
            raise tarfile.ReadError("a file is not as it was when the backup was made")
        _write_records(stage)
    return found


def _opened(file: Path, stream: BinaryIO | None) -> tarfile.TarFile:
    return tarfile.open(file, "r:") if stream is None else tarfile.open(fileobj=stream, mode="r|")


@contextmanager
def _explained(file: Path) -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, EOFError, msgspec.DecodeError, RecordCopyError) as error:
        name = "standard input" if str(file) == "-" else file
        raise StorageError(
            f"{name} is not a whole backup of Darvaz ({error}): nothing was restored; use another"
        ) from None


def _check_versions(found: BackupList, known: Mapping[str, int]) -> None:
    is_newer = found.format > FORMAT or any(version > known.get(name, 0) for name, version in found.tables.items())
    if is_newer:
        raise StorageError(f"the backup is of a newer Darvaz ({found.darvaz}): update this one, then restore it")


def _write_file(content: IO[bytes], path: Path) -> BackupFile:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    sha256, size = hashlib.sha256(), 0
    with os.fdopen(os.open(path, _WRITE_FLAGS, 0o600), "wb") as file:
        while data := content.read(COPY_BYTES):
            sha256.update(data)
            size += file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return BackupFile(size, sha256.hexdigest())


def _write_records(stage: Path) -> None:
    copy = stage / RECORDS_NAME
    if copy.exists():
        with copy.open("rb") as file:
            write_records(read_copy(file), stage)
        copy.unlink()


# The folder


def _complete(stage: Path, folder: Path) -> None:
    """Makes names durable and folders private, and gives all to the folder's owner, where root restores for another."""
    for path in [stage, *stage.rglob("*")]:
        if path.is_dir():
            path.chmod(0o700)
            sync_folder(path)
        if os.name != "nt" and os.geteuid() == 0:
            owner = folder.stat()
            os.chown(path, owner.st_uid, owner.st_gid)


def _swap(stage: Path, folder: Path) -> None:
    """Puts the new files in the place of the old ones; if that fails, the old ones are back."""
    replaced = folder / REPLACED_NAME
    replaced.mkdir(mode=0o700, exist_ok=True)
    old = [path for path in folder.iterdir() if path not in (stage, replaced, folder / LOCK_NAME)]
    # Of an earlier restore that was interrupted: neither what was there before nor what is to be.
    for path in [path for path in old if (replaced / path.name).exists()]:
        old.remove(path)
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    moves = [(path, replaced / path.name) for path in old]
    moves += [(path, folder / path.name) for path in stage.iterdir()]
    done: list[tuple[Path, Path]] = []
    try:
        for source, target in moves:
            # Before, so that a signal between the two does not leave it out.
            done.append((source, target))
            source.rename(target)
        sync_folder(folder)
    except BaseException:
        for source, target in reversed(done):
            if target.exists() and not source.exists():
                target.rename(source)
        replaced.rmdir()
        raise
    shutil.rmtree(replaced)
    sync_folder(folder)
