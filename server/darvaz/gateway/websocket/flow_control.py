"""Flow control of one connection: writes joined, reading held while a side is full, deadlines for a stuck peer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, cast

# A peer that takes nothing for so long, or would leave more than so much untaken, is cut off. One
# message may be larger: it goes out to a peer that has taken everything before it.
SEND_DEADLINE_S = 30.0
WRITE_BYTES_MAX: Final = 1 << 20

_HELD_BY_PEER: Final = 1
_HELD_BY_LISTENER: Final = 2


class Flow(asyncio.Protocol):
    """The transport's side of a connection; a subclass reads in `_read` and ends in `abort`."""

    __slots__ = (
        "_drained", "_held", "_is_batching", "_loop", "_out", "_timer", "_transport", "_waits_for_room", "unsent_bytes",
    )  # fmt: skip

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._out: list[bytes] = []
        self._held = 0
        self._is_batching = False
        self._timer: asyncio.TimerHandle | None = None
        # Whether the timer runs for the peer's buffer, not for its goodbye.
        self._waits_for_room = False
        self._drained: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        # The transport's own method: it is asked for each frame of each viewer of a camera.
        self.unsent_bytes: Callable[[], int] = self._transport.get_write_buffer_size

    # Writing

    @property
    def buffered_bytes(self) -> int:
        """What is written but not yet taken by the system."""
        return self._transport.get_write_buffer_size() + sum(map(len, self._out))

    def _push(self, packet: bytes) -> None:
        """Keeps a packet until the end of the batch that is being read, else of this turn of the loop."""
        if not self._is_batching and not self._out:
            self._loop.call_soon(self.flush)
        self._out.append(packet)

    def _push_now(self, packet: bytes) -> None:
        """Writes a packet at once, behind those that are kept."""
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
        """The peer's buffer is full: it is not read from until it has room again."""
        self._hold(_HELD_BY_PEER)
        if self._timer is None:
            self._set_timer(SEND_DEADLINE_S)
            self._waits_for_room = True

    def resume_writing(self) -> None:
        """The peer's buffer has room again, in time."""
        if self._waits_for_room:
            self._set_timer(None)
        self._wake_drained()
        self._release(_HELD_BY_PEER)

    def drain(self) -> asyncio.Future[None]:
        """Returns what is over when the peer's buffer has room; its end, its deadline and `abort` end it, too."""
        if self._held & _HELD_BY_PEER:
            self._drained = self._drained or self._loop.create_future()
            # Several may wait for the one future, and one of them be cancelled.
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
        """Leaves what comes with the system until `resume_reading`; one batch may still be on its way."""
        self._hold(_HELD_BY_LISTENER)

    def resume_reading(self) -> None:
        """Reads on."""
        self._release(_HELD_BY_LISTENER)

    def _hold(self, who: int) -> None:
        if not self._held and not self._transport.is_closing():
            self._transport.pause_reading()
        self._held |= who

    def _release(self, who: int) -> None:
        was_held, self._held = self._held, self._held & ~who
        if was_held and not self._held and not self._transport.is_closing():
            self._transport.resume_reading()
            # What is there already is no event for the transport; later, for the caller may be in a batch.
            self._loop.call_soon(self._read)

    def _read(self) -> None:
        raise NotImplementedError

    # Time

    def _set_timer(self, delay_s: float | None) -> None:
        """Cuts the peer off after a while, or lets it be."""
        if self._timer is not None:
            self._timer.cancel()
        self._waits_for_room = False
        self._timer = None if delay_s is None else self._loop.call_later(delay_s, self._expire)

    def _expire(self) -> None:
        self._timer = None
        self._waits_for_room = False
        is_full = self._held & _HELD_BY_PEER
        self.abort("it does not read what it is sent" if is_full else "it did not answer the close")

    def abort(self, reason: str) -> None:
        raise NotImplementedError
