"""Follows a bucket or stream: every change from a revision on, in order, each once, also while NATS chooses leaders.

A consumer at the server hands out what there is, as it is asked for it. Where it does not answer in time, a new one is
made that begins behind the last entry that came.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from nats.aio.msg import Msg
from nats.errors import Error
from nats.js import api

from darvaz.gateway.cluster.connection import WRITE_DEADLINE_S, ClusterError, NatsConnection

# Entries that are asked for at once: the client library takes all that have come in one turn of the event loop, and
# needs 50 µs for each.
BATCH_MAX = 64
_ASK_S = 30
_BEAT_S = 1
# A consumer that sends neither entries nor beats for this long is lost.
_SILENT_S = 3.0
_RETRY_S = 0.25
# The server deletes a consumer that nobody asks for this long.
_UNUSED_S = 30.0


@dataclass(frozen=True, slots=True)
class BucketEntry:
    """One change of a bucket, or one message of a stream."""

    key: str
    value: bytes | None
    """None where the entry was deleted."""
    revision: int
    headers: Mapping[str, str] = field(default_factory=dict)
    stored_s: float = 0.0
    """When NATS stored it, in Unix seconds of its clock."""


class Follower:
    """Hands on the changes of one bucket or stream, from the first on, over one connection after another.

    `receive` may return what is to be waited for before the next change, which takes that long at most.
    """

    def __init__(
        self,
        bucket: str,
        receive: Callable[[BucketEntry], Awaitable[None] | None],
        prefix: str | None = None,
        at_once: int = BATCH_MAX,
    ) -> None:
        # A stream where there is a prefix of its subjects; else a bucket, which is a stream as well.
        self._stream = f"KV_{bucket}" if prefix is None else bucket
        self._receive = receive
        self._prefix = f"$KV.{bucket}." if prefix is None else prefix
        # How many entries are asked for at once.
        self._at_once = at_once
        self.revision = 0
        """Of the newest entry that was handed on."""
        self.wait_for_room: Callable[[], Awaitable[None]] = _go_on
        """Is waited for before more is asked for."""

    def restart(self) -> None:
        """Begins with the first entry again: the bucket is another one."""
        self.revision = 0

    async def run(self, connection: NatsConnection, caught_up: asyncio.Event) -> None:
        """Hands on changes until it is cancelled; sets `caught_up` once all that was there has been handed on."""
        while True:
            try:
                async with asyncio.timeout(WRITE_DEADLINE_S):
                    name, waiting = await self._make_consumer(connection)
                if not waiting:
                    caught_up.set()
                await self._pull(connection, name, caught_up)
            except (Error, ClusterError, TimeoutError, OSError):
                # A leader is chosen, or the connection is over; then this is cancelled.
                await asyncio.sleep(_RETRY_S)

    async def _make_consumer(self, connection: NatsConnection) -> tuple[str, int]:
        """Makes a consumer; returns its name, and how many entries wait there."""
        config = api.ConsumerConfig(
            deliver_policy=api.DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=self.revision + 1,
            ack_policy=api.AckPolicy.NONE,
            inactive_threshold=_UNUSED_S,
            num_replicas=1,
            mem_storage=True,
        )
        info = await connection.client.jetstream(timeout=WRITE_DEADLINE_S).add_consumer(self._stream, config)
        return str(info.name), int(info.num_pending or 0)

    async def _pull(self, connection: NatsConnection, name: str, caught_up: asyncio.Event) -> None:
        """Asks for entries and hands them on until the consumer is lost, which raises."""
        client = connection.client
        inbox = client.new_inbox()
        subscription = await client.subscribe(inbox, pending_msgs_limit=4 * BATCH_MAX)
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{name}"
        ask = {"batch": self._at_once, "expires": _ASK_S * 10**9, "idle_heartbeat": _BEAT_S * 10**9}
        try:
            while True:
                await self.wait_for_room()
                await client.publish(subject, json.dumps(ask).encode(), reply=inbox)
                left = self._at_once
                while left:
                    message = await subscription.next_msg(timeout=_SILENT_S)
                    status = (message.headers or {}).get("Status")
                    if status is None:
                        left -= 1
                        await self._hand_on(message, caught_up)
                    elif status in ("408", "404"):
                        # The time of the question is over; another one follows.
                        break
                    elif status != "100":
                        raise ClusterError(f"the consumer answers {status}")
        finally:
            if not client.is_closed:
                await subscription.unsubscribe()

    async def _hand_on(self, message: Msg, caught_up: asyncio.Event) -> None:
        numbers = message.metadata
        revision = int(numbers.sequence.stream)
        if revision > self.revision:
            headers = message.headers or {}
            is_deleted = "KV-Operation" in headers or "Nats-Marker-Reason" in headers
            key = message.subject.removeprefix(self._prefix)
            stored_s = numbers.timestamp.timestamp()
            value = None if is_deleted else message.data
            working = self._receive(BucketEntry(key, value, revision, headers, stored_s))
            if working is not None:
                await working
            # Not before: what was not taken over comes again.
            self.revision = revision
        if not numbers.num_pending:
            caught_up.set()


async def _go_on() -> None:
    """Waits for nothing."""
