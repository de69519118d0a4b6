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
from darvaz.gateway.parts import Parts
from darvaz.protocol.codec import Message
from darvaz.protocol.faults import Fault

log = logging.getLogger("darvaz.cluster")

SUBJECT = "dv.events"
TYPES = ("telemetry", "log", "ack", "crash", "pong", "connect")
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


_BATCH = msgspec.msgpack.Decoder(list[SharedMessage])


class SharedEvents:
    """Sends the messages of the boards here to the others, and publishes theirs. Used from the event loop only."""

    def __init__(self, parts: Parts, nodes: LivingNodes) -> None:
        self._parts = parts
        self._nodes = nodes
        # The oldest first, and the characters of their texts.
        self._waiting: deque[SharedMessage] = deque()
        self._chars = 0
        self._has_any = asyncio.Event()
        self.dropped = 0
        """How many were not sent: NATS did not take them."""

    def open(self) -> None:
        """Follows the messages of the boards here from now on."""
        self._parts.bus.subscribe(TYPES, self._keep)

    def close(self) -> None:
        """Ends `open`."""
        self._parts.bus.unsubscribe(TYPES, self._keep)

    def _keep(self, type_: str, device: str | None, message: Message, happened_s: float) -> None:
        if device is None or not self._nodes.has_others:
            return
        known = self._parts.devices.get(device) if type_ == "ack" else None
        last_args = None if known is None else known.last_args
        kept = SharedMessage(device, happened_s, self._parts.protocol.dump(message), last_args)
        self._waiting.append(kept)
        self._chars += len(kept.text)
        while self._chars > WAITING_BYTES_MAX:
            self._chars -= len(self._waiting.popleft().text)
            self.dropped += 1
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

    def _take(self) -> list[SharedMessage]:
        batch, chars = [], 0
        while self._waiting and chars < _BATCH_BYTES_MAX:
            batch.append(self._waiting.popleft())
            chars += len(batch[-1].text)
        self._chars -= chars
        return batch

    async def _receive(self, message: Msg) -> None:
        if message.subject.endswith(f".{self._nodes.own}"):
            return
        try:
            batch = _BATCH.decode(message.data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            log.warning("= events of another gateway are not understood: %s", error)
            return
        for number, each in enumerate(batch, 1):
            self._hand_on(each)
            if number % _SLICE == 0:
                await asyncio.sleep(0)

    def _hand_on(self, each: SharedMessage) -> None:
        """Publishes a message of a board elsewhere; one that a later version has is left out."""
        parts = self._parts
        if parts.devices.get(each.device) is None or parts.hub.is_here(each.device):
            return
        found = parts.protocol.parse(each.text)
        if each.last_args is not None:
            parts.devices.give(each.device, last_args=each.last_args)
        if not isinstance(found, Fault):
            parts.bus.publish_elsewhere(type(found).__name__, each.device, found, each.happened_s)
