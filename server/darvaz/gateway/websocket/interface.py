"""What a live WebSocket offers, and what it asks of whoever listens: the two sides of `EXTENSION`.

An ASGI application that finds `scope["extensions"][EXTENSION]` may, once it has accepted, hand a
`Listener` to `attach`. From then on packets go to it without a task or a queue in between, and the
application's coroutine may end: the connection stays until one of the two says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from darvaz.gateway.websocket.handshake import Headers

EXTENSION = "darvaz.packets"


class Listener(Protocol):
    """Takes what a connection brings; every method is quick and never raises for a peer's mistake."""

    def receive_packets(self, packets: list[str | bytes]) -> None:
        """Takes messages in the order in which they came, as many as were there at once."""

    def receive_oversized(self, is_text: bool) -> None:
        """Learns that a message exceeds its limit, so that nothing more is read; may still write and close."""

    def stop(self) -> None:
        """Learns that the server goes down, in time to write and close."""

    def end(self, code: int, reason: str) -> None:
        """Learns, once, that the connection is over: the peer's close code, or 1006 without one."""


class PacketConnection(Protocol):
    """One open WebSocket, as a listener uses it. Nothing here waits."""

    def attach(self, listener: Listener) -> None:
        """Hands everything to this listener from now on; one that comes too late learns of the end at once."""

    def limit(self, text_bytes_max: int, binary_bytes_max: int, *, one_by_one: bool = False) -> None:
        """Sets the largest messages that are read from now on.

        With `one_by_one`, each message is delivered before the next is looked at: it may change the limits.
        """

    def write(self, packet: bytes, count: int = 1) -> None:
        """Writes a packet made by `packets`, once or more, joined with others of this turn of the loop."""

    def pause_reading(self) -> None:
        """Leaves what comes with the system until `resume_reading`; one batch may still be on its way."""

    def resume_reading(self) -> None:
        """Reads on."""

    def close(self, code: int, reason: str) -> None:
        """Says goodbye; nothing is read or written after it, and a peer that lingers is cut off."""

    def abort(self, reason: str) -> None:
        """Cuts the connection off as it is; the listener's end gets the reason."""

    @property
    def write_now(self) -> Callable[[bytes], None]:
        """Writes a packet at once, behind what was written before."""
        ...

    @property
    def unsent_bytes(self) -> Callable[[], int]:
        """Returns what is written but not yet taken by the system; a viewer that has some is slow."""
        ...


class UnansweredConnection(PacketConnection, Protocol):
    """A WebSocket whose handshake is not answered yet; the application may answer it without waiting."""

    def accept(self, headers: Headers, subprotocol: str | None) -> None:
        """Opens the WebSocket; after the peer has gone, it does nothing."""


def connection_of(scope: Mapping[str, Any]) -> UnansweredConnection:
    """Returns the connection of a WebSocket's scope; raises `RuntimeError` under a server without `EXTENSION`."""
    connection: UnansweredConnection | None = scope.get("extensions", {}).get(EXTENSION)
    if connection is None:
        raise RuntimeError(f"no {EXTENSION} in the scope: `darvaz serve` runs the gateway on a server that has it")
    return connection
