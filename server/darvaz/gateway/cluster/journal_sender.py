"""Sends what the journal of this gateway has on its disk to the stream of all journals, each entry once, in order.

Each record of the record log is sent as it is written. Where something lies before it that was not sent (it came into
the database without a record, the gateway was killed, or NATS was away for long), that is read from the database
first; the stream itself says how far it came.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import sqlite3
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nats.aio.msg import Msg

from darvaz.gateway.access import redact
from darvaz.gateway.cluster.connection import ClusterError, NatsConnection
from darvaz.gateway.cluster.event_positions import JOURNAL_CHARS
from darvaz.gateway.cluster.shared_clock import SharedClock
from darvaz.gateway.journal.batches import LEFT_OUT, EntryGroup, pack, parse_groups
from darvaz.gateway.parts import Parts
from darvaz.gateway.storage.mirrored_tables import MirroredTables

STREAM = "dv_journal"
SUBJECT = "dv.journal"
# Another gateway waits for what a journal, by its id as ids of events have it, has not sent yet.
FLUSH = "dv.flush"
# How long the stream keeps an entry for a gateway that is away.
KEPT_S = 7 * 86_400.0
# The number behind the last entry of a message, the name of the gateway, and by how much NATS's clock is ahead of its.
END_HEADER, NODE_HEADER, CLOCK_HEADER = "Darvaz-End", "Darvaz-Node", "Darvaz-Clock"
# The address of an entry from elsewhere ends with this and the name of its gateway.
ELSEWHERE = " @"
# Of what waits in memory; what is older is read from the database.
WAITING_BYTES_MAX = 4 * 1024 * 1024
_MESSAGE_CHARS_MAX = 100_000
_ID_SETTING = "cluster_journal_id"
_STORE_DEADLINE_S = 30.0
_RETRY_S = 0.5
_LOOK_S = 0.02
# How often it is looked for what came into the database without a record.
_STORED_LOOK_S = 1.0


@dataclass(slots=True)
class _Message:
    """Entries of this gateway that follow each other: the first number, the one behind the last, and all packed."""

    first_id: int
    end_id: int
    packed: bytes


class JournalSender:
    """Sends the entries of one journal. Used from the event loop only, but for what the recorder calls."""

    def __init__(self, parts: Parts, origin: str, node: str, clock: SharedClock, kept_s: float = KEPT_S) -> None:
        self._parts = parts
        self._clock = clock
        # Older entries are not sent.
        self._kept_s = kept_s
        self._subject = f"{SUBJECT}.{origin}"
        self._origin = origin
        self._node = node
        self._waiting: deque[_Message] = deque()
        self._waiting_bytes = 0
        # The number behind the last entry that the stream has.
        self._sent_id = 0
        # Entries before this number are to be sent now, also those that came into the database without a record.
        self._wanted_id = 0
        self._has_any = asyncio.Event()

    @property
    def sent_id(self) -> int:
        """Returns the number behind the last entry that the stream has; 0 while that is not known."""
        return self._sent_id

    def open(self) -> None:
        """Follows the journal from now on."""
        loop = asyncio.get_running_loop()

        def take(first_id: int, groups: list[EntryGroup], packed: bytes) -> None:
            messages = _messages(first_id, groups, packed)
            # In the last moments of a gateway, the loop is over: its next start sends the rest.
            if messages and not loop.is_closed():
                loop.call_soon_threadsafe(self._keep, messages)

        self._parts.journal.on_packed = take

    def _keep(self, messages: list[_Message]) -> None:
        self._waiting += messages
        self._waiting_bytes += sum(len(message.packed) for message in messages)
        while self._waiting_bytes > WAITING_BYTES_MAX:
            self._waiting_bytes -= len(self._waiting.popleft().packed)
        self._has_any.set()

    async def run(self, connection: NatsConnection) -> None:
        """Sends until it is cancelled; raises `ClusterError` where the connection is over."""
        await connection.listen(f"{FLUSH}.{self._origin[:JOURNAL_CHARS]}", self._flush)
        newest = await connection.newest(STREAM, self._subject)
        self._sent_id = int(newest.get(END_HEADER, "1"))
        await self._catch_up(connection, self._parts.journal.newest_id + 1)
        while True:
            while self._waiting:
                message = self._waiting[0]
                await self._catch_up(connection, message.first_id)
                await self._send(connection, message)
                # What was dropped meanwhile was dropped in front.
                if self._waiting and self._waiting[0] is message:
                    self._waiting_bytes -= len(self._waiting.popleft().packed)
            self._has_any.clear()
            await self._catch_up(connection, max(self._wanted_id, self._stored_end))
            if not self._waiting:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_STORED_LOOK_S):
                        await self._has_any.wait()

    async def _flush(self, message: Msg) -> None:
        """Sends what another gateway waits for; one after the other."""
        await self.send_all(_STORE_DEADLINE_S)

    async def send_all(self, deadline_s: float) -> None:
        """Returns once the stream has every entry there is now, or after the deadline."""
        wanted_id = self._parts.journal.newest_id + 1
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline_s):
                await self._parts.recorder.wait_until_durable(deadline_s)
                self._wanted_id = max(self._wanted_id, wanted_id)
                self._has_any.set()
                # Nobody tells.
                while self._sent_id < wanted_id:  # noqa: ASYNC110
                    await asyncio.sleep(_LOOK_S)

    @property
    def _stored_end(self) -> int:
        """Returns the number behind the last entry that the database has."""
        return self._parts.journal.newest_id - self._parts.journal.pending_rows + 1

    async def _catch_up(self, connection: NatsConnection, end_id: int) -> None:
        """Sends what lies before a number and was not sent, from the database."""
        if self._sent_id >= end_id:
            return
        journal, oldest_ms = self._parts.journal, int((time.time() - self._kept_s) * 1000)
        if end_id > self._stored_end:
            position = journal.position
            journal.flush_now()
            await journal.writer.wait_until_written(position, _STORE_DEADLINE_S)
        while self._sent_id < end_id:
            found = await self._parts.reader.read(_read, self._sent_id, end_id, oldest_ms)
            if not found:
                # These numbers were left out, or what had them was deleted or is from elsewhere.
                self._sent_id = end_id
            for message in found:
                await self._send(connection, message)

    async def _send(self, connection: NatsConnection, message: _Message) -> None:
        """Sends entries until the stream has them."""
        if message.end_id <= self._sent_id:
            return
        headers = {
            "Nats-Msg-Id": f"{self._origin}-{message.first_id}-{message.end_id}",
            END_HEADER: str(message.end_id), NODE_HEADER: self._node,
            CLOCK_HEADER: f"{self._clock.ahead_s:.3f}",
        }  # fmt: skip
        while True:
            try:
                await connection.store(self._subject, message.packed, headers)
                break
            except ClusterError:
                # A leader is chosen; where the connection is over, this is cancelled.
                await asyncio.sleep(_RETRY_S)
        self._sent_id = message.end_id


def journal_id(tables: MirroredTables) -> str:
    """Returns what tells the journal of this data folder from all others; made once."""
    tables.execute("INSERT OR IGNORE INTO settings (key, value) VALUES (?, ?)", (_ID_SETTING, secrets.token_hex(8)))
    (found,) = tables.execute("SELECT value FROM settings WHERE key = ?", (_ID_SETTING,)).fetchone()
    return str(found)


def _messages(first_id: int, groups: list[EntryGroup], packed: bytes) -> list[_Message]:
    """Returns what a record has of this gateway."""
    if any(ELSEWHERE in group[3] for group in groups):
        return list(_packed(_numbered(first_id, groups)))
    return [_Message(first_id, first_id + _count(groups), packed)]


def _numbered(first_id: int, groups: list[EntryGroup]) -> Iterator[tuple[int, EntryGroup]]:
    """Yields each group of this gateway with the number of its first entry."""
    for group in groups:
        if ELSEWHERE not in group[3] and group[3] != LEFT_OUT:
            yield first_id, group
        first_id += len(group[4])


def _packed(numbered: Iterable[tuple[int, EntryGroup]]) -> Iterator[_Message]:
    """Yields messages of groups that follow each other without a gap, none too large."""
    start, run, end_id, chars = 0, list[EntryGroup](), 0, 0
    for number, group in numbered:
        if run and (number != end_id or chars > _MESSAGE_CHARS_MAX):
            yield _Message(start, end_id, pack(start, run, redact))
            run, chars = [], 0
        if not run:
            start = number
        run.append(group)
        end_id = number + len(group[4])
        chars += sum([len(entry[2]) for entry in group[4]])
    if run:
        yield _Message(start, end_id, pack(start, run, redact))


def _count(groups: list[EntryGroup]) -> int:
    return sum([len(group[4]) for group in groups])


def _read(connection: sqlite3.Connection, first_id: int, end_id: int, oldest_ms: int) -> list[_Message]:
    """Returns what the next batch that has entries of this gateway has of them, nothing if there is no more."""
    while True:
        row = connection.execute(
            "SELECT id, size, moments FROM journal_batches WHERE id + size > ? AND id < ? AND last_ms >= ?"
            " ORDER BY id LIMIT 1",
            (first_id, end_id, oldest_ms),
        ).fetchone()
        if row is None:
            return []
        batch_id, size, moments = row
        groups = _numbered(batch_id, parse_groups(moments))
        found = list(_packed(each for each in groups if first_id <= each[0] < end_id))
        if found:
            return found
        first_id = batch_id + size
