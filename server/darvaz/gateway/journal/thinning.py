"""Deletes telemetry and heartbeats from old batches of the journal; all else in them stays, with its numbers.

Clients go on from a number, so none may come to mean another entry. What is deleted between entries that stay leaves
its number taken: by an entry without content, in a group that no reader is shown (batch_search.py), of which thousands
compress to some hundred bytes.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from darvaz.gateway.journal.batches import (
    LEFT_OUT,
    EntryBody,
    EntryGroup,
    delete_batch,
    insert_batch,
    parse_groups,
)
from darvaz.gateway.storage.database import read_setting, transaction, write_setting

# The telemetry of the newest hour goes no sooner than everything else.
KEPT_MS: Final = 3_600_000
BATCHES_AT_ONCE: Final = 5
_UNTIL: Final = "journal_thinned_until"
_DISPENSABLE: Final = frozenset({("<", "telemetry"), ("<", "ping"), (">", "ping"), ("<", "pong"), (">", "pong")})
_LEFT_OUT_ENTRY: Final = (LEFT_OUT, "", "")
# A clock that was set back has left batches of the future, which are as old as those around them.
_OLD: Final = "id >= :until AND id < :newest AND abs(:newest_ms - last_ms) > :kept_ms"
# A batch of which less than a fifth would go is left as it is.
_WANTED: Final = f"""
    SELECT id, size, moments FROM journal_batches WHERE {_OLD} AND size < 5 * (
        SELECT sum(count) FROM journal_index WHERE batch = id AND (direction, type) IN (
            VALUES {", ".join(f"('{direction}', '{type_}')" for direction, type_ in sorted(_DISPENSABLE))}))
    ORDER BY id LIMIT :count"""
_LAST: Final = f"SELECT id, size FROM journal_batches WHERE {_OLD} ORDER BY id DESC LIMIT 1"


def thinned_until(connection: sqlite3.Connection) -> int:
    """Returns the number before which telemetry and heartbeats may have been deleted; 0 if none were."""
    return int(read_setting(connection, _UNTIL) or 0)


def thin_some(connection: sqlite3.Connection) -> int:
    """Does this for some of the oldest batches that are left, in one transaction, and returns how many these were."""
    newest = connection.execute("SELECT id, last_ms FROM journal_batches ORDER BY id DESC LIMIT 1").fetchone()
    if newest is None:
        return 0
    range_ = {
        "until": thinned_until(connection), "newest": newest[0], "newest_ms": newest[1],
        "kept_ms": KEPT_MS, "count": BATCHES_AT_ONCE,
    }  # fmt: skip
    found = connection.execute(_WANTED, range_).fetchall()
    # Those behind the last have nothing to delete.
    last = found[-1] if len(found) == BATCHES_AT_ONCE else connection.execute(_LAST, range_).fetchone()
    # Decoded before the database is locked for others.
    left = [(batch, _without_dispensable(batch, data)) for batch, _, data in found]
    if last is not None:
        with transaction(connection):
            for batch, numbered in left:
                if numbered is not None:
                    delete_batch(connection, batch)
                    _insert(connection, *numbered)
            write_setting(connection, _UNTIL, str(last[0] + last[1]))
    return len(found)


def _without_dispensable(first_id: int, data: bytes | str) -> tuple[int, list[EntryGroup]] | None:
    """Returns what stays of a batch, and the number of its first entry; None of a damaged batch, which stays as it is.

    It begins and ends with an entry that stays.
    """
    try:
        groups = parse_groups(data)
    except (zlib.error, ValueError):
        return None
    left: list[EntryGroup] = []
    # How many entries were left out since the last that stays.
    left_out = 0
    for group in groups:
        for count, entries in _parts(group[4]):
            if entries is None:
                left_out += count
                continue
            if not left:
                first_id += left_out
            elif left_out:
                left.append((group[0], None, None, LEFT_OUT, [_LEFT_OUT_ENTRY] * left_out))
            left_out = 0
            left.append((*group[:4], entries))
    return first_id, left


def _parts(entries: list[EntryBody]) -> list[tuple[int, list[EntryBody] | None]]:
    """Returns stretches of entries of a group: how many, and those that stay, None for those that do not."""
    staying = [entry for entry in entries if (entry[0], entry[1]) not in _DISPENSABLE]
    if not staying:
        return [(len(entries), None)]
    if len(staying) == len(entries):
        return [(len(entries), entries)]
    parts = [(goes, list(part)) for goes, part in groupby(entries, _is_dispensable)]
    return [(len(part), None if goes else part) for goes, part in parts]


def _is_dispensable(entry: EntryBody) -> bool:
    return (entry[0], entry[1]) in _DISPENSABLE


def _insert(connection: sqlite3.Connection, first_id: int, groups: Sequence[EntryGroup]) -> None:
    if groups:
        # What lies in a batch is redacted.
        insert_batch(connection, first_id, groups, str)
