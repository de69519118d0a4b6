"""The numbers of boards' messages that a database has, in a table of it: written in the transaction of the messages.

So what a database knows and what it holds are the same after a kill and after a power cut.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable

import msgspec

from darvaz.gateway.storage.sequences import DEVICES_MAX, Dumped, Sequences

TABLE = "CREATE TABLE sequences (device TEXT PRIMARY KEY, boots TEXT NOT NULL)"

# Device, boot, and the numbers that came together.
Taken = tuple[str, str, list[int]]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[Dumped]).decode


def write_taken(connection: sqlite3.Connection, taken: Iterable[Taken]) -> None:
    """Adds numbers to those that the database has; inside a transaction."""
    known = Sequences()
    devices: set[str] = set()
    for device, boot, numbers in taken:
        if device not in devices:
            devices.add(device)
            row = connection.execute("SELECT boots FROM sequences WHERE device = ?", (device,)).fetchone()
            if row is not None:
                known.load(device, _decode(row[0]))
        for number in numbers:
            known.take(device, boot, number)
    # A row that is replaced is the newest again.
    rows = [(device, _encode(known.dump(device)).decode()) for device in devices]
    connection.executemany("INSERT OR REPLACE INTO sequences (device, boots) VALUES (?, ?)", rows)


def write_known(connection: sqlite3.Connection, known: Sequences, without: Collection[str]) -> None:
    """Writes what memory knows of all boards but some into a fresh database; inside a transaction."""
    rows = [(device, _encode(known.dump(device)).decode()) for device in known.devices() if device not in without]
    connection.executemany("INSERT OR IGNORE INTO sequences (device, boots) VALUES (?, ?)", rows)


def drop_oldest(connection: sqlite3.Connection) -> None:
    """Forgets the boards that were heard longest ago, beyond those that are loaded at a start; in a transaction."""
    connection.execute(
        "DELETE FROM sequences WHERE rowid <= (SELECT rowid FROM sequences ORDER BY rowid DESC LIMIT 1 OFFSET ?)",
        (DEVICES_MAX,),
    )


def forget_taken(connection: sqlite3.Connection, device: str) -> None:
    """Forgets the numbers of a device; inside a transaction."""
    connection.execute("DELETE FROM sequences WHERE device = ?", (device,))


def load_taken(connection: sqlite3.Connection) -> Sequences:
    """Returns the numbers that a database has, of the boards that were heard last."""
    found = Sequences()
    rows = connection.execute("SELECT device, boots FROM sequences ORDER BY rowid DESC LIMIT ?", (DEVICES_MAX,))
    for device, boots in reversed(rows.fetchall()):
        found.load(device, _decode(boots))
    return found
