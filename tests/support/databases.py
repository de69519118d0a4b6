"""New data folders in a moment: a database without rows is made once in a process, and copied.

Making its tables takes as long as most short tests. What makes them is tested where the database is.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from functools import cache
from pathlib import Path

from darvaz.gateway.storage.database import DATABASE_NAME, make_folder, open_database


def open_new_database(folder: Path) -> sqlite3.Connection:
    """Opens the database of a data folder that has none yet."""
    put_new_database(folder)
    return open_database(folder)


def put_new_database(folder: Path) -> None:
    """Puts a database into a data folder that has none yet, and makes the folder if need be."""
    make_folder(folder)
    descriptor = os.open(folder / DATABASE_NAME, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(_new_database())


@cache
def _new_database() -> bytes:
    with tempfile.TemporaryDirectory() as name:
        open_database(Path(name)).close()
        return Path(name, DATABASE_NAME).read_bytes()
