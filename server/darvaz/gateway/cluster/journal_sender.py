"""Sends what the journal of this gateway has on its disk to the stream of all journals, each entry once, in order.

What the journal reports is sent as it comes. Where something lies before it that was not sent (the gateway was killed,
or NATS was away for long), that is read from the database first; the stream itself says how far it came.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import sqlite3
import time
from collections import deque
from collections.abc import Iterator

from darvaz.gateway.access import redact
from darvaz.gateway.cluster.connection import ClusterError, NatsConnection
from darvaz.gateway.journal.batches import ROWS_PER_BATCH, EntryGroup, groups_of_record, pack, parse_groups
from darvaz.gateway.parts import Parts
from darvaz.gateway.storage.mirrored_tables import MirroredTables

STREAM = "dv_journal"
SUBJECT = "dv.journal"
# How long the stream keeps an entry for a gateway that is away.
KEPT_S = 7 * 86_400.0
# The number behind the last entry of a message, and the name of the gateway.
END_HEADER, NODE_HEADER = "Darvaz-End", "Darvaz-Node"
# The address of an entry from elsewhere ends with this and the name of its gateway.
ELSEWHERE = " @"
# Of what waits in memory; what is older is read from the database.
WAITING_CHARS_MAX = 4 * 1024 * 1024
_ID_SETTING = "cluster_journal_id"
_GATHER_S = 0.05
_STORE_DEADLINE_S = 30.0
_RETRY_S = 0.5

# The number of its first entry, the group, and the characters of its payloads.
_Numbered = tuple[int, EntryGroup, int]


class JournalSender:
    """Sends the entries of one journal. Used from the event loop only, but for `_report`."""

    def __init__(self, parts: Parts, origin: str, node: str) -> None:
        self._parts = parts
        self._subject = f"{SUBJECT}.{origin}"
        self._origin = origin
        self._node = node
        self._waiting: deque[_Numbered] = deque()
        self._chars = 0
        # The number behind the newest entry on the disk that was reported.
        self._end_id = 0
        # The number behind the last entry that the stream has.
        self._sent_id = 0
        self._has_any = asyncio.Event()

    def open(self) -> None:
        """Follows the journal from now on."""
        journal, loop = self._parts.journal, asyncio.get_running_loop()
        self._end_id = journal.newest_id + 1
        before = journal.on_written

        def report(groups: list[EntryGroup], end_id: int) -> None:
            before(groups, end_id)
            # In the last moments of a gateway, the loop is over: its next start sends the rest.
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._keep, groups, end_id)

        journal.on_written = report

    def _keep(self, groups: list[EntryGroup], end_id: int) -> None:
        first_id = end_id - sum(len(group[4]) for group in groups)
        for number, group in _numbered(first_id, groups):
            chars = _chars(group)
            self._waiting.append((number, group, chars))
            self._chars += chars
        while self._chars > WAITING_CHARS_MAX:
            self._chars -= self._waiting.popleft()[2]
        self._end_id = end_id
        self._has_any.set()

    async def run(self, connection: NatsConnection) -> None:
        """Sends until it is cancelled; raises `ClusterError` where the connection is over."""
        newest = await connection.newest(STREAM, self._subject)
        self._sent_id = int(newest.get(END_HEADER, "1"))
        while True:
            await self._catch_up(connection)
            while self._waiting:
                await self._send_some(connection)
            await self._has_any.wait()
            await asyncio.sleep(_GATHER_S)
            self._has_any.clear()

    async def _send_some(self, connection: NatsConnection) -> None:
        """Sends as much of what waits as goes into one message."""
        if self._waiting[0][0] > self._sent_id:
            await self._catch_up(connection)
            return
        first = list(itertools.islice(self._waiting, ROWS_PER_BATCH))
        taken = first[: groups_of_record([chars for *_, chars in first])]
        await self._send(connection, [each[:2] for each in taken])
        for each in taken:
            # What is dropped meanwhile was dropped in front.
            if self._waiting and self._waiting[0][0] == each[0]:
                self._chars -= self._waiting.popleft()[2]

    async def _catch_up(self, connection: NatsConnection) -> None:
        """Sends what lies before what waits, from the database."""
        end_id = self._waiting[0][0] if self._waiting else self._end_id
        if self._sent_id >= end_id:
            return
        journal = self._parts.journal
        position = journal.position
        journal.flush_now()
        await journal.writer.wait_until_written(position, _STORE_DEADLINE_S)
        while self._sent_id < end_id:
            found = await self._parts.reader.read(_read, self._sent_id, end_id, int((time.time() - KEPT_S) * 1000))
            if not found:
                # There is nothing more: these numbers were left out, or what had them was deleted.
                self._sent_id = end_id
                return
            while found:
                count = groups_of_record([_chars(group) for _, group in found[:ROWS_PER_BATCH]])
                await self._send(connection, found[:count])
                del found[:count]

    async def _send(self, connection: NatsConnection, numbered: list[tuple[int, EntryGroup]]) -> None:
        """Sends groups until the stream has them."""
        last_id, last = numbered[-1]
        end_id = last_id + len(last[4])
        for first_id, groups in _runs(numbered):
            data = await asyncio.to_thread(pack, first_id, groups, redact)
            run_end = first_id + sum(len(group[4]) for group in groups)
            headers = {
                "Nats-Msg-Id": f"{self._origin}-{first_id}-{run_end}", END_HEADER: str(run_end), NODE_HEADER: self._node
            }  # fmt: skip
            while True:
                try:
                    await connection.store(self._subject, data, headers)
                    break
                except ClusterError:
                    # A leader is chosen; where the connection is over, this is cancelled.
                    await asyncio.sleep(_RETRY_S)
        self._sent_id = end_id


def journal_id(tables: MirroredTables) -> str:
    """Returns what tells the journal of this data folder from all others; made once."""
    tables.execute("INSERT OR IGNORE INTO settings (key, value) VALUES (?, ?)", (_ID_SETTING, secrets.token_hex(8)))
    (found,) = tables.execute("SELECT value FROM settings WHERE key = ?", (_ID_SETTING,)).fetchone()
    return str(found)


def _chars(group: EntryGroup) -> int:
    return sum([len(entry[2]) for entry in group[4]])


def is_from_elsewhere(group: EntryGroup) -> bool:
    """Tells whether another gateway wrote it first."""
    return ELSEWHERE in group[3]


def _numbered(first_id: int, groups: list[EntryGroup]) -> Iterator[tuple[int, EntryGroup]]:
    """Yields each group of this gateway with the number of its first entry."""
    for group in groups:
        if not is_from_elsewhere(group):
            yield first_id, group
        first_id += len(group[4])


def _runs(numbered: list[tuple[int, EntryGroup]]) -> Iterator[tuple[int, list[EntryGroup]]]:
    """Yields groups that follow each other without a gap together, with the number of their first entry."""
    start, run, expected = 0, list[EntryGroup](), 0
    for number, group in numbered:
        if run and number != expected:
            yield start, run
            run = []
        if not run:
            start = number
        run.append(group)
        expected = number + len(group[4])
    if run:
        yield start, run


def _read(connection: sqlite3.Connection, first_id: int, end_id: int, oldest_ms: int) -> list[tuple[int, EntryGroup]]:
    """Returns the groups of this gateway in the next batch that has any, none if there is no more."""
    while True:
        row = connection.execute(
            "SELECT id, size, moments FROM journal_batches WHERE id + size > ? AND id < ? AND last_ms >= ?"
            " ORDER BY id LIMIT 1",
            (first_id, end_id, oldest_ms),
        ).fetchone()
        if row is None:
            return []
        batch_id, size, moments = row
        found = [each for each in _numbered(batch_id, parse_groups(moments)) if first_id <= each[0] < end_id]
        if found:
            return found
        first_id = batch_id + size
