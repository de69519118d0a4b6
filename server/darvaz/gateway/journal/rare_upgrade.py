"""Keeps the rare entries of batches that an earlier version wrote: some now and then, in the journal's thread.

The table `journal_rare_due` has the batches that are left; until then they are searched themselves.
"""

from __future__ import annotations

import contextlib
import sqlite3
import zlib
from collections.abc import Sequence
from typing import Any

from darvaz.gateway.journal.batch_search import needles_of, search
from darvaz.gateway.journal.batches import ANY_DEVICE, dump
from darvaz.gateway.journal.rare_entries import (
    Contents,
    RareNames,
    insert_rare,
    rare_names,
    with_names,
)
from darvaz.gateway.storage.database import transaction

# Some milliseconds each; nobody waits for it.
BATCHES_AT_ONCE = 10
# As bytes: text that is damaged could not be read as text.
_BATCH = "SELECT size, CAST(moments AS BLOB), typeof(moments) = 'text' FROM journal_batches WHERE id = ?"
_CONTENTS = "SELECT direction, type, device, kind, count FROM journal_index WHERE batch = ?"
# As `needles_of` takes them.
_ORDER = ("device", "kind", "type", "direction")


def upgrade_some(connection: sqlite3.Connection) -> None:
    """Does this for the newest batches that are left."""
    due = connection.execute("SELECT batch FROM journal_rare_due ORDER BY batch DESC LIMIT ?", (BATCHES_AT_ONCE,))
    for (batch,) in due.fetchall():
        with transaction(connection):
            connection.execute("DELETE FROM journal_rare_due WHERE batch = ?", (batch,))
            found = connection.execute(_BATCH, (batch,)).fetchone()
            contents = {tuple(row[:4]): row[4] for row in connection.execute(_CONTENTS, (batch,))}
            rare = rare_names(contents, ANY_DEVICE)
            if found is not None and any(rare.values()):
                # A batch that the disk has damaged stays as it is: who reads it is told.
                with contextlib.suppress(zlib.error, ValueError):
                    size, data, is_text = found
                    kept = _rare_of(data.decode() if is_text else data, size, contents, rare)
                    insert_rare(connection, batch, rare, *kept)


def _rare_of(data: bytes | str, size: int, contents: Contents, rare: RareNames) -> tuple[list[int], bytes]:
    """Returns the offsets and the groups, as JSON, of what is rare; only groups that may have it are decoded.

    Raises `ValueError` and `zlib.error` for a batch that is not what its index says.
    """
    groups: dict[int, Sequence[Any]] = {}
    for field, names in rare.items():
        for name in names:
            needles = needles_of(*(name if each == field else None for each in _ORDER))
            groups.update(search(data, 0, size, needles, newest=False))
    offsets: list[int] = []
    found: list[Any] = []
    for offset in sorted(groups):
        within, entries = with_names([groups[offset]], rare)
        offsets += [offset + each for each in within]
        found += entries
    if sum(len(group[4]) for group in found) != _count(contents, rare):
        raise ValueError("entries are missing")
    # What lies in a batch is redacted.
    return offsets, dump(found, str)


def _count(contents: Contents, rare: RareNames) -> int:
    """Returns how many entries have rare names."""
    return sum(
        count
        for (direction, type_, device, kind), count in contents.items()
        if type_ in rare["type"] or direction in rare["direction"] or kind in rare["kind"] or device in rare["device"]
    )
