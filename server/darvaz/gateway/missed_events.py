"""Events that happened while a client was away, from the journal: messages, forgotten devices, and what is missing.

A gateway by itself reads its database; `gateway.cluster` has what reads the stream of all journals.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec

from darvaz.gateway.events.bus import TELEMETRY
from darvaz.gateway.events.missed import Gap, Piece, Present, Read
from darvaz.gateway.events.order import MESSAGES
from darvaz.gateway.events.queue import GAP, Event, EventQueue, dump_event
from darvaz.gateway.events.streams import NUMBERS_PER_ENTRY, message_data
from darvaz.gateway.journal.flush import wait_until_written
from darvaz.gateway.journal.queries import JournalFilter, Row
from darvaz.gateway.journal.starts import FIRST_TYPE
from darvaz.gateway.journal.view import JournalView
from darvaz.gateway.parts import Parts
from darvaz.protocol.codec import MessageCodec
from darvaz.protocol.faults import Fault

ROWS_MAX = 1_000
FORGOTTEN = "forgotten"
# That the gateway found; those that a board reported are messages.
CRASH = "crash"


class MissedFromJournal:
    """Implements `MissedEvents` for a gateway by itself: from the database, and behind it from memory."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def since(self, last: str, queue: EventQueue, read: Read) -> AsyncIterator[Piece]:
        """Implements `MissedEvents`."""
        events = self._parts.events
        number = events.order.number_of(last)
        if number is None or number >= queue.begins:
            # Of a journal that is gone, or of an earlier version: what is missing since then cannot be known.
            yield Gap()
            yield Present(b"%d" % queue.begins)
            return
        until = events.complete_since
        async for piece in self._from_journal(number, queue, read):
            yield piece
        yield Present(b"%d" % until)
        kept = events.between(until, queue)
        yield Gap() if kept is None else kept

    async def _from_journal(self, number: int, queue: EventQueue, read: Read) -> AsyncIterator[Piece]:
        parts = self._parts
        until_id = parts.events.entries_before
        is_written = await wait_until_written(parts.journal)
        wanted = JournalFilter(
            device=queue.only_device, after_id=number // NUMBERS_PER_ENTRY, before_id=until_id + 1,
        )  # fmt: skip
        missed: Missed = await read(parts.reader, read_missed, wanted, queue.wants_type)
        found = await parts.long_work.collect(event_of(parts.protocol, row) for row in missed.rows)
        # What waits for a disk that fails is not in the journal yet.
        if not (missed.is_complete and is_written and None not in found):
            yield Gap()
        yield [event for event in found if event is not None and queue.wants_device(event)]


class Missed(msgspec.Struct, frozen=True):
    """Entries that make events, the oldest first, and whether none before them is missing."""

    rows: list[Row]
    is_complete: bool


def read_missed(journal: JournalView, wanted: JournalFilter, wants_type: Callable[[str], bool]) -> Missed:
    """Returns the newest entries of a part of the journal that make events of the wanted types."""
    wanted_ways = [("<", name) for name in MESSAGES if wants_type(name)]
    if wants_type(CRASH):
        wanted_ways.append(("=", CRASH))
    if wants_type(FORGOTTEN):
        wanted_ways.append(("=", FORGOTTEN))
    rows: list[Row] = []
    for direction, name in wanted_ways:
        rows += journal.rows(msgspec.structs.replace(wanted, direction=direction, type=name), ROWS_MAX)
    gaps = journal.rows(msgspec.structs.replace(wanted, direction="=", type=GAP, device=None), ROWS_MAX)
    rows += [row for row in gaps if wanted.device is None or row.device in (None, wanted.device)]
    starts = journal.rows(msgspec.structs.replace(wanted, direction="=", type=FIRST_TYPE, device=None), ROWS_MAX)
    # A first entry that says more than its type follows an end that was not in order.
    rows += [row for row in starts if row.payload]
    rows.sort(key=lambda row: row.id)
    first_id, oldest = (wanted.after_id or 0) + 1, journal.oldest_id()
    if oldest is not None and wants_type(TELEMETRY):
        oldest = max(oldest, journal.thinned_until())
    # A journal that was replaced may be empty.
    is_there = first_id >= (wanted.before_id or first_id) or (oldest is not None and oldest <= first_id)
    return Missed(rows[-ROWS_MAX:], is_complete=is_there and len(rows) < ROWS_MAX)


def event_of(protocol: MessageCodec, row: Row) -> Event | None:
    """Returns the event of an entry; None if its text is cut."""
    found = data_of(protocol, row)
    if found is None:
        return None
    number = row.id * NUMBERS_PER_ENTRY
    return Event(number, found[0], row.device or "", dump_event(number, *found))


def makes_event(direction: str, type_: str, payload: str, wants_type: Callable[[str], bool]) -> bool:
    """Returns whether an entry makes an event for a client that wants some types."""
    if direction == "<":
        return type_ in MESSAGES and wants_type(type_)
    if type_ in (FORGOTTEN, CRASH):
        return wants_type(type_)
    # A first entry that says more than its type follows an end that was not in order.
    return type_ == GAP or (type_ == FIRST_TYPE and bool(payload))


def data_of(protocol: MessageCodec, row: Row) -> tuple[str, dict[str, Any]] | None:
    """Returns type and data of the event that an entry makes; None if its text is cut."""
    if row.direction == "=":
        return _data_of_state(row)
    message = protocol.parse(row.payload)
    rest = protocol.parse_rest(row.payload) if isinstance(message, Fault) else None
    if rest is not None:
        message = rest[0]
    if row.device is None or type(message) is not protocol.types.get(row.type):
        return None
    return row.type, message_data(row.device, row.happened_ms / 1000, message)


def _data_of_state(row: Row) -> tuple[str, dict[str, Any]]:
    there = {"device": row.device, "time": row.time_ms / 1000}
    if row.type == FORGOTTEN:
        return FORGOTTEN, there
    if row.type == CRASH:
        return CRASH, {**there, "reason": "watchdog"}
    count = row.payload.partition(" ")[0]
    lost = int(count) if count.isdecimal() else None
    return GAP, {"lost": lost} if row.device is None else {**there, "lost": lost}
