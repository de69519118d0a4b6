"""Slow clients: the deadlines of an HTTP connection, from its first moment until its last byte is read."""

from __future__ import annotations

import asyncio
import enum
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from darvaz.gateway.http.connection_slots import ConnectionSlots, Slot

# Longer than the proxies in use keep their idle connections (Caddy: 120 s): who closes first loses no request.
IDLE_DEADLINE_S = 150
# Above the deadline that an operation has for its body, so that the client is told.
BODY_DEADLINE_S = 20.0
# An answer must be read within this time, and one second more for each `UNREAD_BYTES_PER_S` that are left.
UNREAD_DEADLINE_S = 30.0
UNREAD_BYTES_PER_S = 10_000
UNREAD_CHECK_S = 1.0


class Phase(enum.Enum):
    """What a connection waits for."""

    HEAD = enum.auto()
    BODY = enum.auto()
    ANSWER = enum.auto()
    NEXT = enum.auto()


class DeadlineH11(H11Protocol):
    """An HTTP connection that is cut off if a head, a body or the reading of an answer takes too long."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        slots: ConnectionSlots,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._slots = slots
        # Set by `take_over`; None from the moment when it is left.
        self._slot: Slot | None = None
        self._phase = Phase.HEAD
        self._is_upgraded = False
        # Runs while a head or a body is awaited; and while an answer is not read.
        self._deadline: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        # When the answer must be read, by the loop's clock.
        self._unread_until_s = 0.0

    def take_over(self, slot: Slot) -> None:
        """Takes a connection over with its slot, before `connection_made`."""
        self._slot = slot
        slot.connection = self

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for(Phase.HEAD)

    def connection_lost(self, exc: Exception | None) -> None:
        self._set_deadline(None)
        self._stop_unread()
        self.leave_slot()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._phase is Phase.NEXT:
            self._wait_for(Phase.HEAD)
        super().data_received(data)

    def handle_events(self) -> None:
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self._wait_for(Phase.BODY if self._has_body_to_come() else Phase.ANSWER)
        elif self._phase is Phase.BODY and not self._has_body_to_come():
            self._wait_for(self._after_answer() if self.cycle.response_complete else Phase.ANSWER)

    def handle_websocket_upgrade(self, event: Any) -> None:
        # The WebSocket has deadlines and limits of its own.
        self._set_deadline(None)
        self._is_upgraded = True
        self.leave_slot()
        super().handle_websocket_upgrade(event)

    def on_response_complete(self) -> None:
        answered = self.cycle
        super().on_response_complete()
        if self.transport.get_write_buffer_size():
            self._start_unread()
        # A pipelined request (RFC 9112, section 9.3.2) may have begun already.
        if self._is_upgraded or self.cycle is not answered or self.transport.is_closing():
            return
        if self._has_body_to_come():
            # For the rest of a body that was refused, there is no more time than for a head.
            self._set_deadline(self._slots.deadline_s)
        else:
            self._wait_for(self._after_answer())

    def pause_writing(self) -> None:
        super().pause_writing()
        self._start_unread()

    def cut_off(self) -> None:
        """Ends the connection at once: there is no request to answer, or no one who reads the answer."""
        if self.cycle is not None:
            # The application learns it before it writes again.
            self.cycle.disconnected = True
        self.transport.abort()

    def leave_slot(self) -> None:
        """Gives the slot back: the connection ends, or has a limit of its own from now on."""
        slot, self._slot = self._slot, None
        if slot is not None:
            self._slots.leave(slot)

    def _has_body_to_come(self) -> bool:
        return self.conn.their_state is h11.SEND_BODY

    def _after_answer(self) -> Phase:
        return Phase.HEAD if self.conn.trailing_data[0] else Phase.NEXT

    def _wait_for(self, phase: Phase) -> None:
        """Begins a phase with its deadline; uvicorn's own timer is for idle connections."""
        self._phase = phase
        slot, slots = self._slot, self._slots
        match phase:
            case Phase.HEAD:
                self._set_deadline(slots.deadline_s)
            case Phase.BODY:
                self._set_deadline(BODY_DEADLINE_S)
            case _:
                self._set_deadline(None)
        if slot is None:
            return
        if phase is Phase.HEAD:
            slots.mark_pending(slot)
        elif phase is Phase.NEXT:
            slots.mark_idle(slot)
        else:
            slots.mark_served(slot)

    def _set_deadline(self, delay_s: float | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if delay_s is None else self.loop.call_later(delay_s, self.cut_off)

    def _start_unread(self) -> None:
        """Begins to look whether the client reads what was written."""
        if self._unread is None:
            left_s = self.transport.get_write_buffer_size() / UNREAD_BYTES_PER_S
            self._unread_until_s = self.loop.time() + UNREAD_DEADLINE_S + left_s
            self._unread = self.loop.call_later(UNREAD_CHECK_S, self._check_unread)

    @property
    def is_answering(self) -> bool:
        """Whether an answer has not ended."""
        return self.cycle is not None and not self.cycle.response_complete

    def _check_unread(self) -> None:
        self._unread = None
        is_answering = self.is_answering and not self.flow.write_paused
        if is_answering or not self.transport.get_write_buffer_size():
            self._stop_unread()
        elif self.loop.time() >= self._unread_until_s:
            self.cut_off()
        else:
            self._unread = self.loop.call_later(UNREAD_CHECK_S, self._check_unread)
            if self._slot is not None:
                self._slots.mark_unread(self._slot, True)

    def _stop_unread(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
        if self._slot is not None and self._slot.is_unread:
            self._slots.mark_unread(self._slot, False)
