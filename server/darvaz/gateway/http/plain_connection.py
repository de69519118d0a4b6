"""An h11 connection that takes plain requests itself, which h11 would read and write in three times the time.

It has the part of `h11.Connection` that uvicorn uses. h11 never hears of a plain request that has a plain answer; for
everything else it gets the bytes that came, also late: once an answer begins that is not plain.
"""

from __future__ import annotations

from typing import Any

import h11

from darvaz.gateway.http.plain_requests import parse_plain

_END = h11.EndOfMessage()


class PlainConnection:
    """The state of one connection, between its transport and uvicorn's protocol class."""

    def __init__(self, connection: h11.Connection) -> None:
        self._h11 = connection
        # The bytes of a plain request that is being answered; None while h11 has the connection.
        self._plain: bytes | None = None
        # Its parts, the next one last, and how many of them were read.
        self._events: list[Any] = []
        self._read_events = 0
        self._their_state: Any = h11.IDLE
        # Whether it was answered.
        self._is_answered = False
        # What came behind it: uvicorn reads no more then.
        self._later = b""

    @property
    def is_plain(self) -> bool:
        """Whether a plain request waits for its answer."""
        return self._plain is not None and not self._is_answered

    @property
    def is_waiting(self) -> bool:
        """Whether nothing was received that was not read, and nothing is being answered."""
        return self._plain is None and self._is_idle

    @property
    def our_state(self) -> Any:
        if self._plain is None:
            return self._h11.our_state
        return h11.DONE if self._is_answered else h11.SEND_RESPONSE

    @property
    def their_state(self) -> Any:
        return self._h11.their_state if self._plain is None else self._their_state

    @property
    def trailing_data(self) -> tuple[bytes, bool]:
        return self._h11.trailing_data if self._plain is None else (self._later, False)

    @property
    def they_are_waiting_for_100_continue(self) -> bool:
        return self._plain is None and self._h11.they_are_waiting_for_100_continue

    def receive_data(self, data: bytes) -> None:
        """Takes what came from the transport."""
        if self._plain is not None:
            self._later += data
            return
        plain = parse_plain(data) if self._is_idle else None
        if plain is None:
            self._h11.receive_data(data)
            return
        self._plain, self._is_answered, self._their_state, self._read_events = data, False, h11.IDLE, 0
        request, body = plain.to_h11(), plain.body
        self._events = [_END, h11.Data(data=body), request] if body else [_END, request]

    def next_event(self) -> Any:
        """Returns what h11 would."""
        if self._plain is None:
            return self._h11.next_event()
        if self._events:
            self._read_events += 1
            self._their_state = h11.SEND_BODY if len(self._events) > 1 else h11.DONE
            return self._events.pop()
        return h11.PAUSED if self._later else h11.NEED_DATA

    def send(self, event: Any) -> bytes | None:
        """Returns what h11 sends."""
        if self.is_plain:
            self._hand_over()
        sent: bytes | None = self._h11.send(event)
        return sent

    @property
    def _is_idle(self) -> bool:
        """Whether h11 waits for the begin of a request."""
        h11_ = self._h11
        return h11_.our_state is h11_.their_state is h11.IDLE and not h11_.trailing_data[0]

    def note_answer(self) -> None:
        """Notes that the plain request was answered, without h11."""
        self._is_answered = True

    def start_next_cycle(self) -> None:
        """Goes on with what came behind a request that was answered."""
        if self._plain is None:
            self._h11.start_next_cycle()
            return
        later, self._plain, self._later = self._later, None, b""
        if later:
            self.receive_data(later)

    def _hand_over(self) -> None:
        """Has h11 read the request, as far as it was read here."""
        assert self._plain is not None
        self._h11.receive_data(self._plain + self._later)
        self._plain, self._later = None, b""
        for _ in range(self._read_events):
            self._h11.next_event()
