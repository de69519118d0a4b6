"""Damaged databases: recognised, checked, and moved aside, so that a fresh one can take their place."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from pathlib import Path

CHECK_DEADLINE_S = 30.0
# So often a damaged file is replaced until the next start; a disk that damages every file is not worth more.
NOTES_MAX = 10
_STEPS_PER_LOOK = 10_000
_CODES = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class DamagedError(sqlite3.DatabaseError):
    """A check has found that a database is damaged."""


def is_damage(error: BaseException | None) -> bool:
    """Whether an error, or one that caused it, says that a database is damaged."""
    while error is not None:
        if isinstance(error, DamagedError) or getattr(error, "sqlite_errorcode", 0) & 0xFF in _CODES:
            return True
        # `explain` hides the error that it explains.
        error = error.__cause__ or error.__context__
    return False


def check(path: Path, deadline_s: float = CHECK_DEADLINE_S) -> None:
    """Raises `DamagedError` if a database is damaged as far as can be found out within the deadline."""
    until_s = time.monotonic() + deadline_s
    with contextlib.closing(sqlite3.connect(path, timeout=deadline_s)) as connection:
        # A check that takes longer has found nothing so far.
        connection.set_progress_handler(lambda: time.monotonic() > until_s, _STEPS_PER_LOOK)
        try:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.DatabaseError as error:
            if is_damage(error):
                raise DamagedError(str(error)) from error
            return
    if found != ("ok",):
        raise DamagedError(str(found[0]).splitlines()[0])


def move_aside(path: Path, what: str, unix_s: float, saved: str = "") -> str:
    """Renames a database and the files beside it, with the date, and returns what happened; raises OSError.

    `what` has begun again, and `saved` says what else there is to know.
    """
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(unix_s))
    aside, number = path.with_name(f"{path.name}.damaged-{stamp}"), 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.damaged-{stamp}-{number}")
    is_there = path.exists()
    if is_there:
        path.rename(aside)
    for suffix in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(f"{aside}{suffix}")
    happened = f"was damaged and is now {aside.name}" if is_there else "was removed while the gateway used it"
    more = f", {saved}" if saved else ""
    return (
        f"degraded: {path.name} {happened}; a new {what} has begun{more}:"
        " look at the disk of the data folder, or put a backup in its place"
    )


class FileWatch:
    """Notices that a file is not as the gateway has left it: somebody else has written it, or removed it."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._seen: tuple[int, int] | None = None

    def note(self) -> None:
        """Takes the file as it is now for right."""
        self._seen = self._state()

    def note_written(self) -> None:
        """The same after a write of ours, which never makes another file of it."""
        now = self._state()
        if self._seen is None or (now is not None and now[1] == self._seen[1]):
            self._seen = now

    def check(self, is_suspect: bool) -> None:
        """Checks the file if it is suspect or changed; raises `DamagedError` if it is damaged or gone."""
        self.check_place()
        if self.path is not None and (is_suspect or self.is_changed()):
            check(self.path)
            self.note()

    def check_place(self) -> None:
        """Raises `DamagedError` if the file is gone, or another one has its name."""
        now = self._state()
        if self._seen is not None and (now is None or now[1] != self._seen[1]):
            raise DamagedError("it was removed, or another file has its name")

    def is_changed(self) -> bool:
        """Whether the file is different from when it was noted, or gone."""
        return self._seen is not None and self._state() != self._seen

    def _state(self) -> tuple[int, int] | None:
        try:
            if self.path is None:
                return None
            found = os.stat(self.path)
        except FileNotFoundError:
            return None
        return found.st_mtime_ns, found.st_ino
