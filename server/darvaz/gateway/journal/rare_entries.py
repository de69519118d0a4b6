"""Entries with rare names, kept once more beside their batch, so that finding these decompresses no batch.

The table `journal_rare` has a row for each batch in which types, directions, kinds or devices are rare. Its `names` are
these, and its `entries` all entries that have one of them. A batch of an earlier version has no row, and is searched.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

# At most this part of a batch is kept twice. Smaller batches have none: they are read fast enough.
_PART: Final = 20
ROWS_MIN: Final = 200
# A name is rare if it has less than this part of the mean of its field: of boards that are alike, none is.
_RARITY: Final = 4
# The fields that names are of, those that are asked for most first, and where each is in a key of the contents.
_FIELDS: Final = (("type", 1), ("direction", 0), ("kind", 3), ("device", 2))
_COMPRESSION: Final = 1
# Between the offsets and the groups; JSON has none.
_LINE_END: Final = b"\n"
_INSERT: Final = "INSERT INTO journal_rare (batch, names, entries) VALUES (?, ?, ?)"
_encode: Final = msgspec.json.Encoder().encode
_decode_offsets: Final = msgspec.json.Decoder(list[int]).decode

# direction, type, device and kind, and how many entries have them
Contents = Mapping[tuple[str, str, str, str], int]
RareNames = dict[str, set[str]]


def mark(field: str, name: str) -> str:
    """Returns the text that `names` has if it has a name; none contains another one."""
    return f"\n{field}{_encode(name).decode()}\n"


def rare_names(contents: Contents, any_device: str) -> RareNames:
    """Returns the rarest names of each field, as many as fit; `any_device` stands for many and is none of them."""
    size = sum(contents.values())
    rare: RareNames = {field: set() for field, _ in _FIELDS}
    if size < ROWS_MIN:
        return rare
    fitting = rare_entries_max(size)
    for field, at in _FIELDS:
        counts: Counter[str] = Counter()
        for key, count in contents.items():
            counts[key[at]] += count
        count_max = size // (_RARITY * len(counts))
        for name, count in sorted(counts.items(), key=_count_of):
            if count > min(fitting, count_max):
                break
            if name and name != any_device:
                rare[field].add(name)
                fitting -= count
    return rare


def rare_entries_max(size: int) -> int:
    """Returns how many entries of a batch are kept twice at most."""
    return size // _PART


def _count_of(counted: tuple[str, int]) -> int:
    return counted[1]


def with_names(groups: Sequence[Any], rare: RareNames) -> tuple[list[int], list[Any]]:
    """Returns the entries that have rare names, as groups, and the offset in the batch of the first of each."""
    types, directions, kinds, devices = rare["type"], rare["direction"], rare["kind"], rare["device"]
    offsets: list[int] = []
    found: list[Any] = []
    offset = 0
    for group in groups:
        entries: list[Any] = group[4]
        if group[1] in devices or group[2] in kinds:
            offsets.append(offset)
            found.append(group)
        else:
            for number, entry in enumerate(entries):
                if entry[1] in types or entry[0] in directions:
                    offsets.append(offset + number)
                    found.append((*group[:4], [entry]))
        offset += len(entries)
    return offsets, found


def insert_rare(connection: sqlite3.Connection, batch: int, rare: RareNames, offsets: list[int], groups: bytes) -> None:
    """Keeps what `with_names` returned; `groups` are as JSON, without secrets."""
    names = "".join([mark(field, name) for field in rare for name in sorted(rare[field])])
    connection.execute(_INSERT, (batch, names, zlib.compress(_encode(offsets) + _LINE_END + groups, _COMPRESSION)))


def read_rare(entries: bytes) -> tuple[list[int], bytes]:
    """Returns what `insert_rare` was given, the groups as JSON."""
    offsets, _, groups = zlib.decompress(entries).partition(_LINE_END)
    return _decode_offsets(offsets), groups
