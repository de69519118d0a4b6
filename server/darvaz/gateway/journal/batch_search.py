"""Finds entries in a batch of the journal, and decodes only the groups that may have what is wanted.

To decode 4,000 entries takes four times as long as to decompress them. So the text is split into groups, which are
searched as bytes: in JSON, a quotation mark within a text has a backslash before it, so a name in quotation marks, and
the beginning of an entry, are found without decoding.
"""

from __future__ import annotations

import zlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

import msgspec

from darvaz.gateway.journal.batches import LEFT_OUT, EntryGroup
from darvaz.gateway.journal.rare_entries import read_rare

# Every entry begins with one of these, and nothing else in a batch is so.
_ENTRY_STARTS = (b'["<"', b'[">"', b'["="', b'["-"')
_split = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode = msgspec.json.Decoder(list[EntryGroup]).decode
_decode_group = msgspec.json.Decoder(EntryGroup).decode
_encode = msgspec.json.Encoder().encode


def text_of(data: bytes | str) -> bytes:
    """Returns the JSON of a batch, without the blanks that an early version wrote after its commas."""
    text = zlib.decompress(data) if isinstance(data, bytes) else data.encode()
    behind_comma = text.find(b",") + 1
    return msgspec.json.format(text, indent=-1) if text[behind_comma : behind_comma + 1] == b" " else text


def needles_of(device: str | None, kind: str | None, type_: str | None, direction: str | None) -> tuple[bytes, ...]:
    """Returns the bytes that each group has which has an entry with these."""
    # The first is looked for in the whole text: most often it is the rarest.
    names = [_encode(name) for name in (device, type_, kind) if name is not None]
    return (*names, *([] if direction is None else [b"[" + _encode(direction)]))


def search(
    data: bytes | str, first_id: int, size: int, needles: Sequence[bytes], *, newest: bool
) -> Iterator[tuple[int, EntryGroup]]:
    """Yields the groups that have all the needles, and the id of the first entry of each; newest or oldest first.

    `first_id` and `size` are of the batch. What is found is to be checked: a needle may be another field's. What
    stands for deleted entries is left out.
    """
    for entry_id, group in _search(data, first_id, size, needles, newest=newest):
        if group[3] != LEFT_OUT:
            yield entry_id, group


def _search(
    data: bytes | str, first_id: int, size: int, needles: Sequence[bytes], *, newest: bool
) -> Iterator[tuple[int, EntryGroup]]:
    text = text_of(data)
    if needles:
        found = [span[1:] for span in _with_needles(text, needles)]
        yield from _numbered_back(text, found, first_id + size) if newest else _numbered(text, found, first_id)
    elif newest:
        entry_id = first_id + size
        for raw in reversed(_split(text)):
            group = _decode_group(raw)
            entry_id -= len(group[4])
            yield entry_id, group
    else:
        groups = _decode(text)
        yield from zip(accumulate([len(group[4]) for group in groups], initial=first_id), groups, strict=False)


def search_rare(
    entries: bytes, first_id: int, needles: Sequence[bytes], *, newest: bool
) -> Iterator[tuple[int, EntryGroup]]:
    """Does the same for the entries that are kept beside a batch (rare_entries.py); there is at least one needle."""
    offsets, text = read_rare(entries)
    found = _with_needles(text, needles)
    for index, start, end in reversed(found) if newest else found:
        yield first_id + offsets[index], _decode_group(text[start:end])


def _with_needles(text: bytes, needles: Sequence[bytes]) -> list[tuple[int, int, int]]:
    """Returns the groups that have all the needles: the number of each, and where it begins and ends."""
    first, *others = needles
    found: list[tuple[int, int, int]] = []
    at = text.find(first)
    if at < 0:
        return found
    # Groups are one byte apart, as the gateway and SQLite write JSON.
    starts = list(accumulate([len(raw) + 1 for raw in _split(text)], initial=1))
    while at >= 0:
        index = bisect_right(starts, at)
        start, end = starts[index - 1], starts[index] - 1
        if all(text.find(other, start, end) >= 0 for other in others):
            found.append((index - 1, start, end))
        at = text.find(first, end)
    return found


def _numbered(text: bytes, found: list[tuple[int, int]], entry_id: int) -> Iterator[tuple[int, EntryGroup]]:
    counted = 0
    for start, end in found:
        entry_id += _entries_between(text, counted, start)
        counted = start
        yield entry_id, _decode_group(text[start:end])


def _numbered_back(text: bytes, found: list[tuple[int, int]], entry_id: int) -> Iterator[tuple[int, EntryGroup]]:
    counted = len(text)
    for start, end in reversed(found):
        entry_id -= _entries_between(text, start, counted)
        counted = start
        yield entry_id, _decode_group(text[start:end])


def _entries_between(text: bytes, start: int, end: int) -> int:
    return sum([text.count(start_of_entry, start, end) for start_of_entry in _ENTRY_STARTS])
