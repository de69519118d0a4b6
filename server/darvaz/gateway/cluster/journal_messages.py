"""Messages of the stream of all journals: what a record or the store has of this gateway; has no connection.

What comes from a record is sent as it is. The store has the entries as text: those are copied as they lie there,
since taking each apart costs more than all the rest.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from darvaz.gateway.access import redact
from darvaz.gateway.journal.batches import LEFT_OUT, EntryGroup, joined, pack
from darvaz.gateway.journal.view import JournalView
from darvaz.gateway.storage.taken import Taken

# The address of an entry from elsewhere ends with this and the name of its gateway.
ELSEWHERE = " @"
# In front of the id of a journal, where its numbers are kept as those of a board: no id of a device has it.
JOURNAL_PREFIX = "\x01"
# To join them takes the event loop some tenths of a millisecond.
JOINED_BYTES_MAX = 8 * 1024
_MESSAGE_CHARS_MAX = 100_000
# As fast as the record log.
_COMPRESSION = 1

# `EntryGroup` with its entries as they are stored.
_StoredGroup = tuple[int, str | None, str | None, str, list[msgspec.Raw]]
_parse = msgspec.json.Decoder(list[_StoredGroup]).decode
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class JournalMessage:
    """Entries of this gateway that follow each other: the first number, the one behind the last, and all packed."""

    first_id: int
    end_id: int
    packed: bytes


def messages_of(first_id: int, groups: list[EntryGroup], taken: Sequence[Taken], packed: bytes) -> list[JournalMessage]:
    """Returns what a record has of this gateway; the first message has the numbers of its boards."""
    if not any(ELSEWHERE in group[3] for group in groups):
        return [JournalMessage(first_id, first_id + sum([len(group[4]) for group in groups]), packed)]
    own = [each for each in taken if not each[0].startswith(JOURNAL_PREFIX)]
    found = []
    for start, end_id, run in _runs(first_id, groups):
        found.append(JournalMessage(start, end_id, pack(start, run, redact, own)))
        own = []
    return found


def join_first(messages: Iterable[JournalMessage]) -> list[JournalMessage]:
    """Returns those at the front that can be sent as one: small ones that follow each other, one at least."""
    found: list[JournalMessage] = []
    size_bytes = 0
    for message in messages:
        size_bytes += len(message.packed)
        if found and (message.first_id != found[-1].end_id or size_bytes > JOINED_BYTES_MAX):
            break
        found.append(message)
    return found


def as_one(messages: Sequence[JournalMessage]) -> JournalMessage:
    """Returns what several messages have that follow each other."""
    if len(messages) == 1:
        return messages[0]
    packed = joined([message.packed for message in messages])
    return JournalMessage(messages[0].first_id, messages[-1].end_id, packed)


def _runs(first_id: int, groups: list[EntryGroup]) -> Iterator[tuple[int, int, list[EntryGroup]]]:
    """Yields the groups of this gateway that follow each other, with the first number and the one behind the last."""
    run: list[EntryGroup] = []
    start = end_id = first_id
    for group in groups:
        if ELSEWHERE in group[3] or group[3] == LEFT_OUT:
            if run:
                yield start, end_id, run
            run, end_id = [], end_id + len(group[4])
            start = end_id
        else:
            run.append(group)
            end_id += len(group[4])
    if run:
        yield start, end_id, run


def read_messages(journal: JournalView, first_id: int, end_id: int, oldest_ms: int) -> list[JournalMessage]:
    """Returns what the next batch that has entries of this gateway has of them, nothing if there is no more."""
    while True:
        batch = journal.next_batch(first_id, end_id, oldest_ms)
        if batch is None:
            return []
        entries_max = max(1, _MESSAGE_CHARS_MAX * batch.size // len(batch.groups))
        numbered = _numbered(batch.first_id, _parse(batch.groups))
        found = list(_packed((each for each in numbered if first_id <= each[0] < end_id), entries_max))
        if found:
            return found
        first_id = batch.first_id + batch.size


def _numbered(first_id: int, groups: list[_StoredGroup]) -> Iterator[tuple[int, _StoredGroup]]:
    """Yields each group of this gateway with the number of its first entry."""
    for group in groups:
        if ELSEWHERE not in group[3] and group[3] != LEFT_OUT:
            yield first_id, group
        first_id += len(group[4])


def _packed(numbered: Iterable[tuple[int, _StoredGroup]], entries_max: int) -> Iterator[JournalMessage]:
    """Yields messages of groups that follow each other without a gap, none of many more entries than these."""
    start, run, end_id = 0, list[_StoredGroup](), 0
    for number, group in numbered:
        if run and (number != end_id or end_id - start >= entries_max):
            yield _pack(start, end_id, run)
            run = []
        if not run:
            start = number
        run.append(group)
        end_id = number + len(group[4])
    if run:
        yield _pack(start, end_id, run)


def _pack(start: int, end_id: int, run: list[_StoredGroup]) -> JournalMessage:
    return JournalMessage(start, end_id, zlib.compress(b"%d " % start + _encode(run), _COMPRESSION))
