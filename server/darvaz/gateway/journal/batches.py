"""How the journal lies in the database: many entries in one text, since SQLite's price is by the row.

A batch is a list of groups; a group is what one link received and sent at once. The id of a batch is that of its first
entry, and the entries in it count on from there. `journal_index` says what is in a batch: directions, types, devices
and kinds with their numbers, so that a question about few entries reads few batches, and `journal_rare` has the rare
ones again. The view `journal` shows entries one by one to other programs; their payloads are in the batches only.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from darvaz.gateway.journal.rare_entries import insert_rare, rare_names, with_names
from darvaz.gateway.storage.database import transaction
from darvaz.gateway.storage.taken import Taken, write_taken

PAYLOAD_CHARS_MAX = 4_096
# One encoding holds the interpreter's lock, and with it the event loop, for less than half a millisecond.
ROWS_PER_BATCH = 4000
DELETE_CHUNK_BATCHES = 100
# Address and direction of what stands for entries that were deleted between others (thinning.py).
LEFT_OUT = "-"
# Stands in the index for all devices of a batch that has entries of more than `_DEVICES_MAX`.
ANY_DEVICE = "*"
_DEVICES_MAX = 200
# The fastest level: a tenth of the size, at 400 MB/s. Small batches stay text, for other programs to read.
_COMPRESSION = 1
_TEXT_BYTES_MAX = 65_536

# direction, type, payload; of what waited on a board, how long before its arrival it happened, in milliseconds
EntryBody = tuple[Any, ...]
# time_ms, device, kind, address, and the entries
EntryGroup = tuple[int, str | None, str | None, str, list[EntryBody]]
# The same, for a compiled function that would otherwise take each of the former apart to look into it.
AnyGroup = tuple[Any, ...]
# time_ms, device, kind, address, direction, type, payload, happened_ms
EntryFields = tuple[int, str | None, str | None, str, str, str, str, int]
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[EntryGroup]).decode
_decode_taken = msgspec.json.Decoder(list[Taken]).decode
# Of these, the index says nothing.
_LEFT_OUT_KEYS = ((LEFT_OUT, "", "", ""), (LEFT_OUT, "", ANY_DEVICE, ""))
_INSERT = "INSERT INTO journal_batches (id, size, first_ms, last_ms, devices, moments) VALUES (?, ?, ?, ?, '', ?)"
_INDEX = "INSERT INTO journal_index (batch, direction, type, device, kind, count) VALUES (?, ?, ?, ?, ?, ?)"
# With about how many bytes each takes in the file; a row of the index takes 64.
_OLDEST = (
    "SELECT id, length(moments) + 64 * (SELECT count(*) FROM journal_index WHERE batch = id) FROM journal_batches"
    " WHERE id < (SELECT max(id) FROM journal_batches) ORDER BY id LIMIT ?"
)
# Every token starts with these. A search for one rare byte costs a fiftieth of a search for the word.
_SECRET_BYTE, _SECRET_SIGN = b"z", b"dvz_"


def next_id(connection: sqlite3.Connection) -> int:
    """Returns the id of the next entry."""
    found = connection.execute("SELECT id + size FROM journal_batches ORDER BY id DESC LIMIT 1").fetchone()
    return int(found[0]) if found else 1


def dump(groups: Sequence[EntryGroup], redact: Callable[[str], str]) -> bytes:
    """Returns groups as JSON, tokens redacted; half a character, which no encoding has, becomes a question mark."""
    try:
        text = _encode(groups)
    except UnicodeEncodeError:
        text = _encode(changed(groups, lambda payload: payload.encode(errors="replace").decode()))
    if _SECRET_BYTE in text and _SECRET_SIGN in text:
        text = _encode(changed(_decode(text), redact))
    return text


def _stored(groups: Sequence[EntryGroup], redact: Callable[[str], str], is_text: bool) -> bytes | str:
    text = dump(groups, redact)
    return text.decode() if is_text and len(text) <= _TEXT_BYTES_MAX else zlib.compress(text, _COMPRESSION)


def pack(
    first_id: int, groups: Sequence[EntryGroup], redact: Callable[[str], str], taken: Sequence[Taken] = ()
) -> bytes:
    """Returns groups as a record of the record log, with the id of their first entry and the boards' numbers."""
    numbers = _encode(taken) if taken else b""
    head = b"%d:%d " % (first_id, len(numbers)) if taken else b"%d " % first_id
    return zlib.compress(head + numbers + dump(groups, redact), _COMPRESSION)


def unpack(record: bytes) -> tuple[int, list[EntryGroup], list[Taken]]:
    """Returns what `pack` was given."""
    head, _, text = zlib.decompress(record).partition(b" ")
    first_id, _, size = head.partition(b":")
    end = int(size or 0)
    return int(first_id), _decode(text[end:]), _decode_taken(text[:end]) if end else []


def joined(records: Sequence[bytes]) -> bytes:
    """Returns one record of what several have whose entries follow each other."""
    first_id = b""
    taken: list[bytes] = []
    groups: list[bytes] = []
    for record in records:
        head, _, text = zlib.decompress(record).partition(b" ")
        number, _, size = head.partition(b":")
        first_id, end = first_id or number, int(size or 0)
        # As JSON, without the brackets of the list.
        taken += [text[1 : end - 1]] if end else []
        groups.append(text[end + 1 : -1])
    numbers = b"[%b]" % b",".join(taken) if taken else b""
    head = b"%b:%d " % (first_id, len(numbers)) if taken else b"%b " % first_id
    return zlib.compress(head + numbers + b"[%b]" % b",".join(groups), _COMPRESSION)


def groups_within(chars: Sequence[int], chars_wanted: int) -> int:
    """Returns how many groups make about as many characters, by those of each that waits."""
    total = count = 0
    for group_chars in chars:
        total += group_chars
        count += 1
        if total >= chars_wanted or count >= ROWS_PER_BATCH:
            break
    return max(count, 1)


def store_record(connection: sqlite3.Connection, record: bytes, redact: Callable[[str], str]) -> None:
    """Writes what a record of the record log has and the database does not."""
    entry_id, groups, taken = unpack(record)
    newest_id = next_id(connection)
    while groups and entry_id + len(groups[0][4]) <= newest_id:
        entry_id += len(groups.pop(0)[4])
    if groups:
        with transaction(connection):
            insert_batch(connection, max(entry_id, newest_id), groups, redact)
            write_taken(connection, taken)


def cut(payload: str) -> str:
    """Returns a payload, or as much of it as the journal keeps, marked as such."""
    return payload if len(payload) <= PAYLOAD_CHARS_MAX else payload[:PAYLOAD_CHARS_MAX] + "…"


def insert_batch(
    connection: sqlite3.Connection, first_id: int, groups: Sequence[EntryGroup], redact: Callable[[str], str]
) -> int:
    """Writes groups as one batch and returns how many entries they have."""
    # In order of time, unless the clock was set back meanwhile.
    first_ms, last_ms = sorted((groups[0][0], groups[-1][0]))
    contents = _contents(groups)
    rows = sum(contents.values())
    left_out = sum([contents.pop(key, 0) for key in _LEFT_OUT_KEYS])
    connection.execute(_INSERT, (first_id, rows, first_ms, last_ms, _stored(groups, redact, is_text=not left_out)))
    connection.executemany(_INDEX, [(first_id, *key, count) for key, count in contents.items()])
    rare = rare_names(contents, ANY_DEVICE)
    if any(rare.values()):
        offsets, found = with_names(groups, rare)
        insert_rare(connection, first_id, rare, offsets, dump(found, redact))
    return rows


def parse_groups(data: bytes | str) -> list[EntryGroup]:
    """Returns the groups of a batch."""
    return _decode(zlib.decompress(data) if isinstance(data, bytes) else data)


def parse_rows(data: bytes | str) -> Iterator[EntryFields]:
    """Yields the entries of a batch."""
    for group in parse_groups(data):
        yield from fields_of(group)


def fields_of(group: EntryGroup) -> Iterator[EntryFields]:
    """Yields the entries of a group."""
    time_ms, device, kind, address, entries = group
    for direction, type_, payload, *ages_ms in entries:
        yield time_ms, device, kind, address, direction, type_, payload, time_ms - (ages_ms[0] if ages_ms else 0)


def changed(groups: Sequence[EntryGroup], change: Callable[[str], str]) -> list[EntryGroup]:
    """Returns the same groups with changed payloads."""
    return [(*group[:4], [(*entry[:2], change(entry[2]), *entry[3:]) for entry in group[4]]) for group in groups]


def delete_before(connection: sqlite3.Connection, time_ms: int) -> int:
    """Deletes some of the batches that are wholly older, and returns how many; the newest batch always stays."""
    # Without a newest batch the ids would start again, and a client that follows them would wait forever.
    found = connection.execute(
        "SELECT id FROM journal_batches WHERE last_ms < ? AND id < (SELECT max(id) FROM journal_batches)"
        " ORDER BY id LIMIT ?",
        (time_ms, DELETE_CHUNK_BATCHES),
    ).fetchall()
    for (batch,) in found:
        delete_batch(connection, batch)
    return len(found)


def delete_first(connection: sqlite3.Connection, bytes_wanted: int) -> int:
    """Deletes some of the oldest batches, of about as many bytes, and returns how many; the newest batch stays."""
    found: list[int] = []
    size = 0
    for batch, batch_bytes in connection.execute(_OLDEST, (DELETE_CHUNK_BATCHES,)):
        if size >= bytes_wanted:
            break
        found.append(batch)
        size += batch_bytes
    for batch in found:
        delete_batch(connection, batch)
    return len(found)


def delete_batch(connection: sqlite3.Connection, batch: int) -> None:
    """Deletes a batch and what is kept beside it."""
    for table in ("journal_index", "journal_rare", "journal_rare_due"):
        connection.execute(f"DELETE FROM {table} WHERE batch = ?", (batch,))
    connection.execute("DELETE FROM journal_batches WHERE id = ?", (batch,))


def used_bytes(connection: sqlite3.Connection) -> int:
    """Returns how much of the file is in use."""

    def pragma(name: str) -> int:
        return int(connection.execute(f"PRAGMA {name}").fetchone()[0])

    return (pragma("page_count") - pragma("freelist_count")) * pragma("page_size")


def _contents(groups: Sequence[AnyGroup]) -> Counter[tuple[str, str, str, str]]:
    """Returns how many entries there are of each direction, type, device and kind."""
    found: Counter[tuple[str, str, str, str]] = Counter()
    is_coarse = len({group[1] for group in groups}) > _DEVICES_MAX
    for group in groups:
        device = ANY_DEVICE if is_coarse else group[1] or ""
        kind = group[2] or ""
        entries: list[AnyGroup] = group[4]
        direction: Any = None
        type_: Any = None
        count = 0
        for entry in entries:
            # Those that came together are mostly alike; a look into the counter costs more than the entry.
            if entry[1] is not type_ or entry[0] is not direction:
                if count:
                    found[direction, type_, device, kind] += count
                direction, type_, count = entry[0], entry[1], 0
            count += 1
        if count:
            found[direction, type_, device, kind] += count
    return found
