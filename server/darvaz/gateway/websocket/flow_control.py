"""Flow control of one connection: joined writes, reading paused while a side is full, deadlines for a stuck peer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, cast

# A peer is cut off if its buffer stays full for SEND_DEADLINE_S, or if more than WRITE_BYTES_MAX would wait behind a
# full buffer. One message may be larger: it is written while the buffer has space.
SEND_DEADLINE_S = 30.0
WRITE_BYTES_MAX: Final = 1 << 20

# Bits of `_held`: why reading is paused.
_HELD_BY_PEER: Final = 1
_HELD_BY_LISTENER: Final = 2
_HELD_FOR_OTHERS: Final = 4
_HELD_FOR_GOOD: Final = 8


class Flow(asyncio.Protocol):
    """The transport's side of a connection; a subclass reads in `_read` and ends in `abort`."""

    __slots__ = (
        "_drained",
        "_held",
        "_is_batching",
        "_is_buffer_timer",
        "_loop",
        "_out",
        "_timer",
        "_transport",
        "unsent_bytes",
    )  # fmt: skip

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        # Packets for the transport, in order; written as one piece by `flush`.
        self._out: list[bytes] = []
        # Why reading is paused, as bits; 0 while reading.
        self._held = 0
        # Whether `_read` runs: it flushes at the end of each batch.
        self._is_batching = False
        # At most one deadline runs: for the peer's full buffer, or for its answer to a close.
        self._timer: asyncio.TimerHandle | None = None
        self._is_buffer_timer = False
        # What callers of `drain` wait for, while the peer's buffer is full.
        self._drained: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not subclasses of asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        # The transport's own method, for speed: called for each frame and viewer.
        self.unsent_bytes: Callable[[], int] = self._transport.get_write_buffer_size

    # Writing

    @property
    def buffered_bytes(self) -> int:
        """How many bytes were written but not yet given to the operating system."""
        return self._transport.get_write_buffer_size() + sum(map(len, self._out))

    def _push(self, packet: bytes) -> None:
        """Keeps a packet until the end of the current batch, or else of this turn of the event loop."""
        if not self._is_batching and not self._out:
            self._loop.call_soon(self.flush)
        self._out.append(packet)

    def _push_now(self, packet: bytes) -> None:
        """Writes a packet at once, after those that are kept."""
        if self._out:
            self._out.append(packet)
            self.flush()
        else:
            self._transport.write(packet)

    def flush(self) -> None:
        """Hands what was written to the transport, in one piece."""
        out = self._out
        if not out:
            return
        if self._held & _HELD_BY_PEER and self.buffered_bytes > WRITE_BYTES_MAX:
            self.abort(f"it left {WRITE_BYTES_MAX} bytes unread")
            return
        if len(out) == 1:
            self._transport.write(out.pop())
        else:
            joined = b"".join(out)
            out.clear()
            self._transport.write(joined)

    def pause_writing(self) -> None:
        """Called when the peer's buffer is full: the peer is not read until the buffer has space again."""
        self._hold(_HELD_BY_PEER)
        if self._timer is None:
            self._set_timer(SEND_DEADLINE_S)
            self._is_buffer_timer = True

    def resume_writing(self) -> None:
        """Called when the peer's buffer has space again."""
        if self._is_buffer_timer:
            self._set_timer(None)
        self._wake_drained()
        self._release(_HELD_BY_PEER)

    def drain(self) -> asyncio.Future[None]:
        """Returns a future that is done when the peer's buffer has space, or the connection is over."""
        if self._held & _HELD_BY_PEER:
            self._drained = self._drained or self._loop.create_future()
            # Several callers share the future, and one of them may be cancelled.
            return asyncio.shield(self._drained)
        drained = self._loop.create_future()
        drained.set_result(None)
        return drained

    def _wake_drained(self) -> None:
        drained, self._drained = self._drained, None
        if drained is not None and not drained.done():
            drained.set_result(None)

    # Reading

    def pause_reading(self) -> None:
        """Stops reading from the socket until `resume_reading`; one batch may still be delivered."""
        self._hold(_HELD_BY_LISTENER)

    def resume_reading(self) -> None:
        """Reads again."""
        self._release(_HELD_BY_LISTENER)

    def _give_way(self) -> None:
        """Lets the other connections have a turn of the event loop before more of this one is handled."""
        self._hold(_HELD_FOR_OTHERS)
        self._loop.call_soon(self._take_turn)

    def _take_turn(self) -> None:
        self._held &= ~_HELD_FOR_OTHERS
        if self._held:
            # Who releases it reads on.
            return
        # The transport stays paused meanwhile: what arrives would only be kept.
        self._read()
        if not self._held and not self._transport.is_closing():
            self._transport.resume_reading()

    def _stop_reading(self) -> None:
        """Reads nothing more from this peer; a deadline ends the connection."""
        self._hold(_HELD_FOR_GOOD)

    def _hold(self, reason: int) -> None:
        if not self._held and not self._transport.is_closing():
            self._transport.pause_reading()
        self._held |= reason

    def _release(self, reason: int) -> None:
        was_held, self._held = self._held, self._held & ~reason
        if was_held and not self._held and not self._transport.is_closing():
            self._transport.resume_reading()
            # The transport does not report bytes that are here already. Not at once: the caller may be in a batch.
            self._loop.call_soon(self._read)

    def _read(self) -> None:
        raise NotImplementedError

    # Time

    def _set_timer(self, delay_s: float | None) -> None:
        """Starts the deadline after which the peer is cut off, or stops it with None."""
        if self._timer is not None:
            self._timer.cancel()
        self._is_buffer_timer = False
        self._timer = None if delay_s is None else self._loop.call_later(delay_s, self._expire)

    def _expire(self) -> None:
        self._timer = None
        self._is_buffer_timer = False
        is_full = self._held & _HELD_BY_PEER
        self.abort("it does not read what it is sent" if is_full else "it did not answer the close")

    def abort(self, reason: str) -> None:
        raise NotImplementedError
