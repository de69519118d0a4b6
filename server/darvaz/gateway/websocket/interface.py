"""The two sides of `EXTENSION`: what a listener gets from an open WebSocket, and what it must offer.

An ASGI application that finds `scope["extensions"][EXTENSION]` may, once it has accepted, hand a
`Listener` to `attach`. From then on packets go to it without a task or a queue in between, and the
application's coroutine may end: the connection stays until the peer or the listener ends it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from darvaz.gateway.websocket.handshake import Headers, Request

EXTENSION = "darvaz.packets"


class Listener(Protocol):
    """Receives from a connection; every method is quick and never raises for a peer's mistake."""

    def receive_packets(self, packets: list[str | bytes]) -> None:
        """Receives the messages of one batch, in order."""

    def receive_overhead(self, packets: int) -> None:
        """Called after a batch that had pings, pongs or short fragments, with their number; may write and close."""

    def receive_oversized(self, is_text: bool) -> None:
        """Called when a message exceeds its limit and nothing more is read; may still write and close."""

    def stop(self) -> None:
        """Called before the server stops; may still write and close."""

    def end(self, code: int, reason: str) -> None:
        """Called once, at the end, with the peer's close code, or 1006 if there was none (RFC 6455, section 7.1.5)."""


class PacketConnection(Protocol):
    """One open WebSocket, as a listener uses it. No method waits."""

    def attach(self, listener: Listener) -> None:
        """Makes this the listener; if the connection is over, calls its `end` at once."""

    def limit(self, text_bytes_max: int, binary_bytes_max: int, *, one_by_one: bool = False) -> None:
        """Sets the largest messages that are read from now on.

        With `one_by_one`, each message is delivered before the next is parsed, since it may change the limits.
        """

    def write(self, packet: bytes, count: int = 1) -> None:
        """Writes a packet of `packets` `count` times, joined with the others of this turn of the event loop."""

    def answer_pings(self, answer: Callable[[bytes], None]) -> None:
        """Has pings answered by this, given what they carry, from now on; before that they are answered at once."""

    def pause_reading(self) -> None:
        """Stops reading from the socket until `resume_reading`; one batch may still be delivered."""

    def resume_reading(self) -> None:
        """Reads again."""

    def keep_alive(self) -> None:
        """Has the connection end when its peer vanished, also while nothing is sent."""

    def close(self, code: int, reason: str) -> None:
        """Sends a close; no message is read or written after it, and a peer that does not answer is cut off."""

    def abort(self, reason: str) -> None:
        """Cuts the connection off at once; the listener's `end` gets the reason."""

    @property
    def write_now(self) -> Callable[[bytes], None]:
        """Writes a packet at once, after all that was written before."""
        ...

    @property
    def unsent_bytes(self) -> Callable[[], int]:
        """Returns how many bytes wait for the operating system; a viewer that has some is slow."""
        ...


class UnansweredConnection(PacketConnection, Protocol):
    """A WebSocket whose handshake is not answered yet; the application may answer it without waiting."""

    def accept(self, headers: Headers, subprotocol: str | None) -> None:
        """Opens the WebSocket; after the peer has gone, it does nothing."""

    def deny(self, status: int, headers: Headers, body: bytes) -> None:
        """Answers the handshake with an HTTP response, and ends the connection."""


class Upgrades(Protocol):
    """What answers handshakes without ASGI."""

    def answer(self, connection: UnansweredConnection, request: Request, address: str | None, scheme: str) -> bool:
        """Answers the handshake of a peer at this address, or returns false: ASGI has it then. Never waits."""
        ...


class AsgiConnection(Protocol):
    """A WebSocket from its handshake on, as `AsgiCall` uses it."""

    @property
    def awaits_decision(self) -> bool:
        """Whether the handshake is not answered yet."""
        ...

    @property
    def is_open(self) -> bool: ...

    def accept(self, headers: Headers, subprotocol: str | None) -> None:
        """Opens the WebSocket."""

    def deny(self, status: int, headers: Headers, body: bytes) -> None:
        """Answers the handshake with an HTTP response, and ends the connection."""

    def is_listener(self, listener: Listener) -> bool:
        """Whether packets go to this listener."""

    def write(self, packet: bytes, count: int = 1) -> None:
        """Writes a packet."""

    def drain(self) -> asyncio.Future[None]:
        """Returns a future that is done when the peer's buffer has space, or the connection is over."""

    def flush(self) -> None:
        """Hands what was written to the transport."""

    def close(self, code: int, reason: str) -> None:
        """Sends a close."""

    def pause_reading(self) -> None:
        """Stops reading from the socket until `resume_reading`."""

    def resume_reading(self) -> None:
        """Reads again."""


def connection_of(scope: Mapping[str, Any]) -> UnansweredConnection:
    """Returns the connection of a WebSocket's scope; raises `RuntimeError` under a server without `EXTENSION`."""
    connection: UnansweredConnection | None = scope.get("extensions", {}).get(EXTENSION)
    if connection is None:
        raise RuntimeError(f"no {EXTENSION} in the scope: `darvaz serve` runs the gateway on a server that has it")
    return connection
