"""The TCP connection of one client to a node: bytes to the framing, messages to the conversation, and back."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol, cast

from darvaz.gateway.esphome.conversation import Conversation, ConversationError, Request
from darvaz.gateway.esphome.framing import NOISE, PLAIN, Framing, FramingError, PlainFraming
from darvaz.gateway.esphome.noise import NoiseFraming, refusal

log = logging.getLogger("darvaz.esphome")

# From the connection to the hello.
HELLO_DEADLINE_S = 10.0
# Clients ping every 20 s; ESPHome's own nodes wait for 150 s.
SILENCE_S = 90.0
# What a client may leave unread; one that takes nothing is ended.
UNREAD_BYTES_MAX = 1_048_576
# What a client is answered when its framing is not the node's; it then tries the other, or asks for a key.
_BAD_INDICATOR = "Bad indicator byte"


class Owner(Protocol):
    """The node that a connection belongs to."""

    key: bytes | None

    def begin(self, connection: NodeConnection) -> Conversation | None:
        """Returns the conversation of a new connection, or None if there is none to have now."""

    def carry_out(self, connection: NodeConnection, request: Request) -> None:
        """Does what the client asks for."""

    def refuse(self, connection: NodeConnection, reason: str) -> None:
        """Notes that a client is sent away for what it sent."""

    def end(self, connection: NodeConnection) -> None:
        """Forgets a connection that ended."""


class NodeConnection(asyncio.Protocol):
    """One client; `transport` and `conversation` are set while it is connected."""

    transport: asyncio.Transport
    conversation: Conversation

    def __init__(self, owner: Owner, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._owner = owner
        self._monotonic_s = monotonic_s
        # None until the first byte says which it is.
        self._framing: Framing | None = None
        # Whether the owner knows of it.
        self._is_open = False
        # Monotonic seconds of the start, and of what came last.
        self.started_s = self.heard_s = monotonic_s()

    # Called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        conversation = self._owner.begin(self)
        if conversation is None:
            self.transport.abort()
            return
        self._is_open = True
        self.conversation = conversation

    def connection_lost(self, error: Exception | None) -> None:
        if self._is_open:
            self._is_open = False
            self._owner.end(self)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self.heard_s = self._monotonic_s()
        try:
            self._receive(data)
        except (FramingError, ConversationError) as error:
            self._refuse(str(error))

    # Called by the node

    def flush(self) -> None:
        """Sends what the conversation has to send."""
        writes, framing = self.conversation.writes, self._framing
        if not writes or framing is None or self.transport.is_closing():
            return
        self.transport.write(b"".join(framing.dump(type_, message) for type_, message in writes))
        writes.clear()
        if self.transport.get_write_buffer_size() > UNREAD_BYTES_MAX:
            log.warning("= %s of %s takes nothing: its connection is ended", self._client, self.conversation.info.name)
            self.transport.abort()

    def close(self) -> None:
        """Ends the connection; what was written before still goes out."""
        self.flush()
        self.transport.close()

    def buffered_bytes(self) -> int:
        """Returns what the client has not taken yet."""
        return self.transport.get_write_buffer_size()

    def is_overdue(self, now_s: float) -> bool:
        """Whether the client did not say hello in time, or has been silent for too long."""
        if not self.conversation.client:
            return now_s - self.started_s > HELLO_DEADLINE_S
        return now_s - self.heard_s > SILENCE_S

    @property
    def is_encrypted(self) -> bool:
        """Whether what is sent here can be read by the client alone."""
        return isinstance(self._framing, NoiseFraming) and self._framing.is_open

    @property
    def address(self) -> str:
        """The address of the client; "" if it has left."""
        peer = self.transport.get_extra_info("peername")
        return str(peer[0]) if peer else ""

    @property
    def _client(self) -> str:
        return self.conversation.client or "a client"

    def _receive(self, data: bytes) -> None:
        if self._framing is None:
            self._framing = self._choose_framing(data[0])
        for type_, message in self._framing.receive(data):
            self.conversation.receive(type_, message)
            self._carry_out()
        if isinstance(self._framing, NoiseFraming) and self._framing.answers:
            self.transport.write(b"".join(self._framing.answers))
            self._framing.answers.clear()
        self.flush()

    def _carry_out(self) -> None:
        requests = self.conversation.requests
        while requests and not self.transport.is_closing():
            self._owner.carry_out(self, requests.pop(0))

    def _choose_framing(self, first: int) -> Framing:
        key, info = self._owner.key, self.conversation.info
        if first == NOISE and key is not None:
            return NoiseFraming(key, info.name, info.mac)
        if first == PLAIN and key is None:
            return PlainFraming()
        raise FramingError(_BAD_INDICATOR)

    def _refuse(self, reason: str) -> None:
        """Ends the connection and says why, in the framing that the node wants."""
        self._owner.refuse(self, reason)
        if isinstance(self._framing, NoiseFraming) and self._framing.answers:
            self.transport.write(b"".join(self._framing.answers))
        if self._owner.key is not None and not self.is_encrypted:
            self.transport.write(refusal(reason))
        elif self._framing is None:
            self.transport.write(b"\0" + reason.encode())
        self.transport.close()
