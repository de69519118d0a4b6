"""What a backup is: a tar archive of plain files, and as the last one a list of them with their checksums.

Each database is a copy that SQLite made, in one state; the record log is one file. What belongs to a running process
only (lock, socket, local token, SQLite's own files) and what was damaged is not in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import msgspec

from darvaz.gateway.storage.database import StorageError

FORMAT = 1
LIST_NAME = "backup.json"
LIST_BYTES_MAX = 64 * 1024 * 1024
RECORDS_NAME = "records.log"
DATABASE_SUFFIX = ".sqlite3"
# In a data folder: what was there before a restore, until that is complete.
REPLACED_NAME = ".replaced"
# In a data folder: copies of databases, while a backup is written into a pipe.
WORK_PREFIX = ".backing-up-"
COPY_BYTES = 1024 * 1024

# Bytes that are done, and of how many.
Progress = Callable[[int, int], None]

_NEVER = re.compile(
    r"gateway\.lock|local-token|\.local-token-.*|changes\.sock|backup\.json|records\.log|records-.*\.log"
    r"|.*\.sqlite3-(wal|shm|journal)|.*\.part|\.restoring-.*|\.backing-up-.*|\.replaced"
)
_DAMAGED = re.compile(r".*\.damaged-\d.*")


class BackupFile(msgspec.Struct):
    """One file of a backup."""

    size: int
    sha256: str


class BackupList(msgspec.Struct):
    """What a backup has, and which Darvaz made it."""

    format: int
    darvaz: str
    made_s: float
    """Unix seconds."""
    tables: dict[str, int]
    """By database: the version of its tables."""
    files: dict[str, BackupFile]


def belongs(name: str) -> bool:
    """Whether a file with this path in a data folder belongs to a backup."""
    parts = PurePosixPath(name).parts
    return not any(_NEVER.fullmatch(part) or _DAMAGED.fullmatch(part) for part in parts)


def is_safe(name: str) -> bool:
    """Whether a path from a backup stays in the folder that it is written to, and is one of a backup."""
    path = PurePosixPath(name)
    is_plain = str(path) == name and "\\" not in name and "\0" not in name and ":" not in name
    return is_plain and not path.is_absolute() and ".." not in path.parts and (name == RECORDS_NAME or belongs(name))


def check_restored(folder: Path) -> None:
    """Raises `StorageError` if a restore of a data folder ended between old files and new ones, as in a power cut."""
    if (folder / REPLACED_NAME).exists():
        raise StorageError(
            f"a restore of {folder} was interrupted: run it again with --force;"
            f" what was there before is in {folder / REPLACED_NAME}"
        )
