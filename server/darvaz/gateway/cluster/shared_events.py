"""What boards send, at every gateway: readings, lines of logs, acknowledgements, as they happen.

They go in batches by NATS without JetStream: nobody keeps them for a gateway that is away. What must not be lost is in
the journal and the history of the gateway that has the board.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any

import msgspec
from nats.aio.msg import Msg

from darvaz.gateway.cluster.connection import NatsConnection
from darvaz.gateway.cluster.nodes import LivingNodes
from darvaz.gateway.cluster.numbered_events import NumberedEvents
from darvaz.gateway.cluster.own_messages import rows_of
from darvaz.gateway.cluster.shared_clock import SharedClock
from darvaz.gateway.events.order import MESSAGES
from darvaz.gateway.parts import Parts
from darvaz.protocol.codec import Message
from darvaz.protocol.faults import Fault

log = logging.getLogger("darvaz.cluster")

SUBJECT = "dv.events"
# Beside those that are events.
TYPES = ("pong", "connect")
# What is gathered for this long goes together.
GATHER_S = 0.05
# Of a batch, which NATS takes up to a megabyte of; and of all that waits while NATS does not take it.
_BATCH_BYTES_MAX = 256 * 1024
WAITING_BYTES_MAX = 4 * 1024 * 1024
# Between as many messages, others have their turn.
_SLICE = 200


class SharedMessage(msgspec.Struct, array_like=True):
    """One message of a board: its type, device and text, and when it happened, in Unix seconds."""

    device: str
    happened_s: float
    text: str
    last_args: dict[str, dict[str, Any]] | None = None
    """Behind an acknowledgement: with what the commands of the device were carried out."""
    journal: str = ""
    """Of its entry, as ids of events have it; empty for what is in none, and from earlier versions."""
    entry_id: int = 0


_BATCH = msgspec.msgpack.Decoder(list[SharedMessage])


class SharedEvents:
    """Sends the messages of the boards here to the others, and publishes theirs. Used from the event loop only."""

    def __init__(self, parts: Parts, nodes: LivingNodes, numbered: NumberedEvents, clock: SharedClock) -> None:
        self._parts = parts
        self._nodes = nodes
        self._numbered = numbered
        self._clock = clock
        # What came together, as arrays of the fields of `SharedMessage`, and the characters of their texts; the oldest
        # first. And the characters of all.
        self._waiting: deque[tuple[list[Any], int]] = deque()
        self._chars = 0
        self._has_any = asyncio.Event()
        self.dropped = 0
        """How many were not sent: NATS did not take them."""

    def open(self) -> None:
        """Follows the messages of the boards here from now on."""
        self._parts.bus.subscribe(TYPES, self._keep_unnumbered)
        self._parts.bus.subscribe(("update_state",), self._keep_good)
        self._numbered.on_own = self._keep

    def close(self) -> None:
        """Ends `open`."""
        self._parts.bus.unsubscribe(TYPES, self._keep_unnumbered)
        self._parts.bus.unsubscribe(("update_state",), self._keep_good)

    def _keep_unnumbered(self, type_: str, device: str | None, message: Message, happened_s: float) -> None:
        if device is not None:
            self._keep(device, [(type_, message, happened_s, 0, "")])

    def _keep_good(self, type_: str, device: str | None, message: Any, happened_s: float) -> None:
        """Keeps that a board found its program good; other answers of updates are for this gateway."""
        if message.state == "good":
            self._keep_unnumbered(type_, device, message, happened_s)

    def _keep(self, device: str, messages: list[Any]) -> None:
        if not self._nodes.has_others:
            return
        known = self._parts.devices.get(device)
        last_args = None if known is None else known.last_args
        kept = rows_of(device, messages, self._numbered.journal, self._parts.protocol.dump, last_args)
        self._waiting.append(kept)
        self._chars += kept[1]
        while self._chars > WAITING_BYTES_MAX:
            rows, chars = self._waiting.popleft()
            self._chars -= chars
            self.dropped += len(rows)
        self._has_any.set()

    async def send(self, connection: NatsConnection) -> None:
        """Sends what waits, until it is cancelled."""
        await connection.listen(f"{SUBJECT}.*", self._receive)
        while True:
            await self._has_any.wait()
            await asyncio.sleep(GATHER_S)
            self._has_any.clear()
            while self._waiting:
                await connection.publish(f"{SUBJECT}.{self._nodes.own}", msgspec.msgpack.encode(self._take()))

    def _take(self) -> list[Any]:
        batch: list[Any] = []
        taken = 0
        while self._waiting and taken < _BATCH_BYTES_MAX:
            rows, chars = self._waiting.popleft()
            batch += rows
            taken += chars
        self._chars -= taken
        return batch

    async def _receive(self, message: Msg) -> None:
        if message.subject.endswith(f".{self._nodes.own}"):
            return
        try:
            batch = _BATCH.decode(message.data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            log.warning("= events of another gateway are not understood: %s", error)
            return
        late_s = self._clock.correction_s(self._nodes.clock_ahead_s(message.subject.rpartition(".")[2]))
        for number, each in enumerate(batch, 1):
            each.happened_s += late_s
            self._hand_on(each)
            if number % _SLICE == 0:
                await asyncio.sleep(0)

    def _hand_on(self, each: SharedMessage) -> None:
        """Publishes a message of a board elsewhere; one that a later version has is left out."""
        parts = self._parts
        if parts.devices.get(each.device) is None:
            return
        found = parts.protocol.parse(each.text)
        rest = parts.protocol.parse_rest(each.text) if isinstance(found, Fault) else None
        message = found if rest is None else rest[0]
        if isinstance(message, Fault):
            return
        type_, mark = type(message).__name__, (each.journal, each.entry_id) if each.entry_id else None
        # What came late of a board that is here meanwhile is still an event, but its values are not the newest.
        if not parts.hub.is_here(each.device):
            if each.last_args is not None:
                parts.devices.give(each.device, last_args=each.last_args)
            parts.bus.publish_elsewhere(type_, each.device, message, each.happened_s)
        if type_ in MESSAGES:
            self._numbered.hear(type_, each.device, message, each.happened_s, mark)
