"""Sends what the journal of this gateway has on its disk to the stream of all journals, each entry once, in order.

Each record of the record log is sent as it is written. Where something lies before it that was not sent (it came into
the database without a record, the gateway was killed, or NATS was away for long), that is read from the database
first; the stream itself says how far it came.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections import deque

from nats.aio.msg import Msg

from darvaz.gateway.cluster.connection import WRITE_DEADLINE_S, ClusterError, NatsConnection
from darvaz.gateway.cluster.event_positions import JOURNAL_CHARS
from darvaz.gateway.cluster.journal_messages import JournalMessage, as_one, join_first, messages_of, read_messages
from darvaz.gateway.cluster.shared_clock import SharedClock
from darvaz.gateway.journal.batches import EntryGroup
from darvaz.gateway.parts import Parts
from darvaz.gateway.storage.mirrored_tables import MirroredTables
from darvaz.gateway.storage.taken import Taken

STREAM = "dv_journal"
SUBJECT = "dv.journal"
# Another gateway waits for what a journal, by its id as ids of events have it, has not sent yet.
FLUSH = "dv.flush"
# How long the stream keeps an entry for a gateway that is away.
KEPT_S = 7 * 86_400.0
# The number behind the last entry of a message, the name of the gateway, and by how much NATS's clock is ahead of its.
END_HEADER, NODE_HEADER, CLOCK_HEADER = "Darvaz-End", "Darvaz-Node", "Darvaz-Clock"
# Of what waits in memory; what is older is read from the database.
WAITING_BYTES_MAX = 4 * 1024 * 1024
_ID_SETTING = "cluster_journal_id"
_STORE_DEADLINE_S = 30.0
_RETRY_S = 0.1
# How long an answer is waited for: a leader that dies, or has just begun, gives none. What was sent twice is kept once.
_ANSWER_S = 0.5
# Than the last answer took.
_LONGER = 4.0
_LOOK_S = 0.02
# A message of the stream costs more than the entries of a second of most gateways.
GATHER_S = 0.05
# How often it is looked for what came into the database without a record.
_STORED_LOOK_S = 1.0


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
        self._waiting: deque[JournalMessage] = deque()
        self._waiting_bytes = 0
        # The number behind the last entry that the stream has.
        self._sent_id = 0
        # Entries before this number are to be sent now, also those that came into the database without a record.
        self._wanted_id = 0
        self._answer_s = _ANSWER_S
        self._has_any = asyncio.Event()
        self._hurried = asyncio.Event()
        # Sends what is wanted here.
        self._flushing: asyncio.Task[None] | None = None

    @property
    def sent_id(self) -> int:
        """Returns the number behind the last entry that the stream has; 0 while that is not known."""
        return self._sent_id

    def open(self) -> None:
        """Follows the journal from now on."""
        loop = asyncio.get_running_loop()
        # Of the recorder's thread: records that no disk has yet.
        appended: list[JournalMessage] = []

        def take(first_id: int, groups: list[EntryGroup], taken: list[Taken], packed: bytes) -> None:
            appended.extend(messages_of(first_id, groups, taken, packed))

        def hand_over() -> None:
            messages = appended[:]
            appended.clear()
            # In the last moments of a gateway, the loop is over: its next start sends the rest.
            if messages and not loop.is_closed():
                loop.call_soon_threadsafe(self._keep, messages)

        self._parts.journal.on_packed = take
        self._parts.recorder.on_synced = hand_over

    def _keep(self, messages: list[JournalMessage]) -> None:
        self._waiting += messages
        self._waiting_bytes += sum(len(message.packed) for message in messages)
        while self._waiting_bytes > WAITING_BYTES_MAX:
            self._waiting_bytes -= len(self._waiting.popleft().packed)
        self._has_any.set()

    async def run(self, connection: NatsConnection) -> None:
        """Sends until it is cancelled."""
        await connection.listen(f"{FLUSH}.{self._origin[:JOURNAL_CHARS]}", self._flush)
        self._sent_id = await self._find_sent(connection)
        await self._catch_up(connection, self._parts.journal.newest_id + 1)
        while True:
            while self._waiting:
                messages = join_first(self._waiting)
                await self._catch_up(connection, messages[0].first_id)
                await self._send(connection, as_one(messages))
                # What was dropped meanwhile was dropped in front.
                for message in messages:
                    if self._waiting and self._waiting[0] is message:
                        self._waiting_bytes -= len(self._waiting.popleft().packed)
            self._has_any.clear()
            await self._catch_up(connection, max(self._wanted_id, self._stored_end))
            if not self._waiting:
                await _wait(self._has_any, _STORED_LOOK_S)
            if self._waiting and self._sent_id >= self._wanted_id:
                # What comes together is sent together, unless somebody waits for it.
                await _wait(self._hurried, GATHER_S)
            self._hurried.clear()

    async def _find_sent(self, connection: NatsConnection) -> int:
        """Returns the number behind the last entry that the stream has."""
        while True:
            with contextlib.suppress(ClusterError):
                return int((await connection.newest(STREAM, self._subject)).get(END_HEADER, "1"))
            # A leader is chosen; where the connection is over, this is cancelled.
            await asyncio.sleep(_RETRY_S)

    async def flush(self, connection: NatsConnection, journal: str) -> None:
        """Has the gateway of a journal send what it has not sent yet, without waiting for that."""
        if journal != self._origin[:JOURNAL_CHARS]:
            await connection.publish(f"{FLUSH}.{journal}", b"")
        elif self._flushing is None or self._flushing.done():
            self._flushing = asyncio.get_running_loop().create_task(self.send_all(_STORE_DEADLINE_S))

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
                self._hurried.set()
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
        # What others have and a power cut takes from this one would have its numbers twice.
        await self._parts.recorder.wait_until_durable(_STORE_DEADLINE_S)
        while self._sent_id < end_id:
            found = await self._parts.reader.read(read_messages, self._sent_id, end_id, oldest_ms)
            if not found:
                # These numbers were left out, or what had them was deleted or is from elsewhere.
                self._sent_id = end_id
            for message in found:
                await self._send(connection, message)

    async def _send(self, connection: NatsConnection, message: JournalMessage) -> None:
        """Sends entries until the stream has them."""
        if message.end_id <= self._sent_id:
            return
        headers = {
            "Nats-Msg-Id": f"{self._origin}-{message.first_id}-{message.end_id}",
            END_HEADER: str(message.end_id), NODE_HEADER: self._node,
            CLOCK_HEADER: f"{self._clock.ahead_s:.3f}",
        }  # fmt: skip
        while True:
            began_s, deadline_s = time.monotonic(), self._answer_s
            try:
                await connection.store(self._subject, message.packed, headers, deadline_s)
                self._answer_s = min(max(_ANSWER_S, _LONGER * (time.monotonic() - began_s)), WRITE_DEADLINE_S)
                break
            except ClusterError:
                # One that does not answer may only be slow; where there is no leader, NATS says so at once.
                is_slow = time.monotonic() - began_s >= deadline_s
                self._answer_s = min(2 * deadline_s, WRITE_DEADLINE_S) if is_slow else _ANSWER_S
            # A leader is chosen; where the connection is over, this is cancelled.
            await asyncio.sleep(_RETRY_S)
        self._sent_id = message.end_id


async def _wait(event: asyncio.Event, deadline_s: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(deadline_s):
            await event.wait()


def journal_id(tables: MirroredTables) -> str:
    """Returns what tells the journal of this data folder from all others; made once."""
    tables.execute("INSERT OR IGNORE INTO settings (key, value) VALUES (?, ?)", (_ID_SETTING, secrets.token_hex(8)))
    (found,) = tables.execute("SELECT value FROM settings WHERE key = ?", (_ID_SETTING,)).fetchone()
    return str(found)
