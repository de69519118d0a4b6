"""What a client missed that comes back, to whichever gateway of a cluster: from the stream of all journals.

What was handed out here before the client came is in the stream soon, once it is on a disk where it is from: that is
waited for. What is handed out from then on is in the client's queue, without what the stream has told it already.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

from darvaz.gateway.cluster.connection import ClusterError, NatsConnection
from darvaz.gateway.cluster.ending import end_tasks
from darvaz.gateway.cluster.event_positions import EventPosition, EventPositions
from darvaz.gateway.cluster.follower import BucketEntry, Follower
from darvaz.gateway.cluster.journal_sender import STREAM, SUBJECT
from darvaz.gateway.cluster.missed_entries import MissedEntries
from darvaz.gateway.events.missed import Gap, Piece, Present, Read
from darvaz.gateway.events.queue import Event, EventQueue, dump_event_as
from darvaz.gateway.missed_events import data_of
from darvaz.gateway.parts import Parts

# Messages that are read for one client; a gateway sends some in a second while its boards say something.
MESSAGES_MAX = 5_000
# What is not in the stream after this time is a gap.
DEADLINE_S = 10.0
_AT_ONCE = 64
_LOOK_S = 0.5


class MissedFromStream:
    """Implements `MissedEvents`. Used from the event loop only.

    `connection` returns the connection to NATS, None without one; `has_journal`, whether a gateway that lives has a
    journal of this id; `flush` has the gateway of a journal send what is not in the stream yet.
    """

    def __init__(
        self,
        parts: Parts,
        positions: EventPositions,
        connection: Callable[[], NatsConnection | None],
        has_journal: Callable[[str], bool],
        flush: Callable[[NatsConnection, str], Awaitable[None]],
    ) -> None:
        self._parts = parts
        self._positions = positions
        self._connection = connection
        self._has_journal = has_journal
        self._flush = flush

    async def since(self, last: str, queue: EventQueue, read: Read) -> AsyncIterator[Piece]:
        """Implements `MissedEvents`."""
        position, connection = EventPosition.parse(last), self._connection()
        if position is None or connection is None or position.stream != self._positions.stream:
            # Of a gateway by itself, or of another cluster: what is missing since then cannot be known.
            yield Gap()
            yield Present(b"")
            return
        missed = MissedEntries(self._first(position), dict(self._positions.ahead), queue.wants_type)
        missed.has_gap = missed.sequence != position.sequence
        is_whole = await self._read(connection, missed)
        queue.leave_out(missed.sent)
        if missed.has_gap or not is_whole:
            yield Gap()
        found = await self._parts.long_work.collect(self._events(missed))
        if None in found:
            yield Gap()
        yield [event for event in found if event is not None and queue.wants_device(event)]
        yield Present(b"")

    def _first(self, position: EventPosition) -> EventPosition:
        """Returns a position from which on no more than `MESSAGES_MAX` messages are read."""
        newest = self._positions.newest
        return position._replace(sequence=max(position.sequence, newest - MESSAGES_MAX))

    async def _read(self, connection: NatsConnection, missed: MissedEntries) -> bool:
        """Takes messages until all are there that are wanted; returns whether that is so."""
        inbox: asyncio.Queue[BucketEntry] = asyncio.Queue()
        follower = Follower(STREAM, inbox.put_nowait, f"{SUBJECT}.", _AT_ONCE)
        follower.revision = missed.sequence
        caught_up = asyncio.Event()
        reading = asyncio.get_running_loop().create_task(follower.run(connection, caught_up))
        try:
            async with asyncio.timeout(DEADLINE_S):
                for journal in missed.lacks():
                    await self._flush(connection, journal)
                while not (caught_up.is_set() and inbox.empty() and not self._lacks(missed)):
                    await self._take_one(inbox, missed, caught_up)
                return True
        except (TimeoutError, ClusterError):
            return False
        finally:
            await end_tasks([reading])

    async def _take_one(
        self, inbox: asyncio.Queue[BucketEntry], missed: MissedEntries, caught_up: asyncio.Event
    ) -> None:
        """Takes the next message; returns without one where the last of them has come, or its gateway is dead."""
        if not inbox.empty():
            missed.take(inbox.get_nowait())
            # Another link has its turn.
            await asyncio.sleep(0)
            return
        getting = asyncio.ensure_future(inbox.get())
        waiting = asyncio.ensure_future(caught_up.wait() if not caught_up.is_set() else asyncio.sleep(_LOOK_S))
        try:
            await asyncio.wait((getting, waiting), return_when=asyncio.FIRST_COMPLETED)
            if getting.done():
                missed.take(getting.result())
        finally:
            getting.cancel()
            waiting.cancel()

    def _lacks(self, missed: MissedEntries) -> bool:
        """Returns whether entries are wanted that a gateway will still send."""
        return any(self._has_journal(journal) for journal in missed.lacks())

    def _events(self, missed: MissedEntries) -> Iterator[Event | None]:
        for position, mark, row in missed.found:
            data = data_of(self._parts.protocol, row)
            if data is None:
                yield None
            else:
                yield Event(0, data[0], row.device or "", dump_event_as(position.dump(), *data), mark)
