"""Events that happened while a client was away, from the journal: messages, forgotten devices, and what is missing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import msgspec

from darvaz.gateway.events.queue import GAP, Event, dump_event
from darvaz.gateway.events.streams import MESSAGES, NUMBERS_PER_ENTRY, message_data
from darvaz.gateway.journal.queries import JournalFilter, Row, oldest_id, read
from darvaz.gateway.journal.starts import FIRST_TYPE
from darvaz.protocol.codec import MessageCodec
from darvaz.protocol.faults import Fault

ROWS_MAX = 1_000
FORGOTTEN = "forgotten"
# That the gateway found; those that a board reported are messages.
CRASH = "crash"


class Missed(msgspec.Struct, frozen=True):
    """Entries that make events, the oldest first, and whether none before them is missing."""

    rows: list[Row]
    is_complete: bool


def read_missed(connection: sqlite3.Connection, wanted: JournalFilter, wants_type: Callable[[str], bool]) -> Missed:
    """Returns the newest entries of a part of the journal that make events of the wanted types."""
    wanted_ways = [("<", name) for name in MESSAGES if wants_type(name)]
    if wants_type(CRASH):
        wanted_ways.append(("=", CRASH))
    if wants_type(FORGOTTEN):
        wanted_ways.append(("=", FORGOTTEN))
    rows: list[Row] = []
    for direction, name in wanted_ways:
        rows += read(connection, msgspec.structs.replace(wanted, direction=direction, type=name), ROWS_MAX)
    gaps = read(connection, msgspec.structs.replace(wanted, direction="=", type=GAP, device=None), ROWS_MAX)
    rows += [row for row in gaps if wanted.device is None or row.device in (None, wanted.device)]
    starts = read(connection, msgspec.structs.replace(wanted, direction="=", type=FIRST_TYPE, device=None), ROWS_MAX)
    # A first entry that says more than its type follows an end that was not in order.
    rows += [row for row in starts if row.payload]
    rows.sort(key=lambda row: row.id)
    first_id, oldest = (wanted.after_id or 0) + 1, oldest_id(connection)
    # A journal that was replaced may be empty.
    is_there = first_id >= (wanted.before_id or first_id) or (oldest is not None and oldest <= first_id)
    return Missed(rows[-ROWS_MAX:], is_complete=is_there and len(rows) < ROWS_MAX)


def event_of(protocol: MessageCodec, row: Row) -> Event | None:
    """Returns the event of an entry; None if its text is cut."""
    if row.direction == "=":
        return _event_of_state(row)
    message = protocol.parse(row.payload)
    rest = protocol.parse_rest(row.payload) if isinstance(message, Fault) else None
    if rest is not None:
        message = rest[0]
    if row.device is None or type(message) is not protocol.types.get(row.type):
        return None
    return _event(row, row.type, message_data(row.device, row.happened_ms / 1000, message))


def _event_of_state(row: Row) -> Event:
    if row.type == FORGOTTEN:
        return _event(row, FORGOTTEN, {"device": row.device, "time": row.time_ms / 1000})
    if row.type == CRASH:
        return _event(row, CRASH, {"device": row.device, "time": row.time_ms / 1000, "reason": "watchdog"})
    count = row.payload.partition(" ")[0]
    lost = int(count) if count.isdecimal() else None
    return _event(row, GAP, {"lost": lost} if row.device is None else _lost_by(row, lost))


def _lost_by(row: Row, lost: int | None) -> dict[str, object]:
    return {"device": row.device, "time": row.time_ms / 1000, "lost": lost}


def _event(row: Row, type_: str, data: dict[str, object]) -> Event:
    number = row.id * NUMBERS_PER_ENTRY
    return Event(number, type_, row.device or "", dump_event(number, type_, data))
