"""What to do about a disk that does not take what is written, by the error that it gave."""

from __future__ import annotations

import errno
import sqlite3

_READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)
_READ_ONLY_CODES = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN)


def remedy_of(error: Exception) -> str:
    """Returns what to do, as the end of a sentence."""
    code = getattr(error, "sqlite_errorcode", None) or sqlite3.SQLITE_OK
    number = getattr(error, "errno", None)
    if number in _READ_ONLY or code & 0xFF in _READ_ONLY_CODES:
        # A system makes the whole disk read-only when it fails, as memory cards do at their end.
        return "make the data folder writable again; if its disk has become read-only, it may be failing"
    if number == errno.EIO or code & 0xFF == sqlite3.SQLITE_IOERR:
        return "look at the disk of the data folder: it is failing, or read-only"
    return "free the disk of the data folder"
