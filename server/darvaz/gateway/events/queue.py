"""The events of one client: sent at once while it reads, and in a bounded queue while it does not."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from darvaz.gateway.events.order import Mark
from darvaz.text.json_lines import dump_line

QUEUE_EVENTS_MAX = 1_024
QUEUE_BYTES_MAX = 1024 * 1024
# Proxies end connections on which nothing is sent, the strictest after half a minute.
BEAT_S = 15.0
# A client that reads nothing for so long is disconnected.
UNREAD_DEADLINE_S = 30.0

# What is missing is told whatever types a client asks for.
GAP = "gap"

_BEAT = b": beat\n\n"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, with its number and as it goes on the wire."""

    number: int
    type: str
    device: str
    text: bytes
    mark: Mark | None = None


def dump_event(number: int, type_: str, data: Any) -> bytes:
    """Returns an event in the form of a server-sent event; its data is one line of JSON."""
    return dump_event_as(b"%d" % number, type_, data)


def dump_event_as(id_: bytes, type_: str, data: Any) -> bytes:
    """Returns an event with an id, or with none where that is empty."""
    first = b"id: %s\n" % id_ if id_ else b""
    return b"%sevent: %s\ndata: %s\n\n" % (first, type_.encode(), dump_line(data))


def dump_gap(lost: int | None) -> bytes:
    """Returns an event without a number: how many are missing, None where that is unknown."""
    return b"event: gap\ndata: %s\n\n" % msgspec.json.encode({"lost": lost})


class EventSender(Protocol):
    """Where the events of a client go; nothing here waits."""

    is_paused: bool
    """Whether enough is written that the client has not read."""
    on_resumed: Callable[[], None]
    """Is called when it has read that, if it was paused."""

    @property
    def write(self) -> Callable[[bytes], None]:
        """Sends bytes."""

    def end(self) -> None:
        """Ends the response."""

    def abort(self, reason: str) -> None:
        """Cuts the connection."""


class EventQueue:
    """What one client asked for, and what waits for it: at most `QUEUE_EVENTS_MAX` events of `QUEUE_BYTES_MAX`.

    Beyond that the oldest are dropped; their number is told before those that are left.
    """

    __slots__ = (
        "_bytes", "_change", "_devices", "_lost", "_may_stay", "_next_beat_s", "_queue", "_sender", "_sent",
        "_stuck_since_s", "_types", "begins", "is_over",
    )  # fmt: skip

    def __init__(
        self,
        types: frozenset[str],
        devices: frozenset[str] | None,
        begins: int,
        change: Callable[[Event], Event] | None = None,
    ) -> None:
        # Events with a higher number are for it.
        self.begins = begins
        # Whether no more events will come.
        self.is_over = False
        self._types = types
        # Only the events of these devices; None for those of all.
        self._devices = devices
        # What makes the event for the client of each; None where they are the same.
        self._change = change
        # The oldest first, and the bytes of their texts.
        self._queue: deque[Event] = deque()
        self._bytes = 0
        # How many were dropped since the last `take`.
        self._lost = 0
        # Journal → the number of the newest entry in it whose event the client has already.
        self._sent: dict[str, int] = {}
        # None until the client has what it missed: until then everything waits.
        self._sender: EventSender | None = None
        # Whether the client is still admitted.
        self._may_stay: Callable[[], bool] = _always
        # Monotonic seconds of the next beat, and since when the client reads nothing; None while it reads.
        self._next_beat_s = 0.0
        self._stuck_since_s: float | None = None

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def only_device(self) -> str | None:
        """Returns the device that the client asked for, if it is only one."""
        devices = self._devices
        return next(iter(devices)) if devices is not None and len(devices) == 1 else None

    def wants_type(self, type_: str) -> bool:
        return type_ in self._types

    def wants(self, event: Event) -> bool:
        if event.type == GAP and not event.device:
            return True
        return (event.type in self._types or event.type == GAP) and (
            self._devices is None or event.device in self._devices
        )

    def wants_device(self, event: Event) -> bool:
        """Whether an event is of a device that the client asked for, or of none."""
        return self._devices is None or not event.device or event.device in self._devices

    def changed(self, event: Event) -> Event:
        """Returns an event as it is for the client."""
        return event if self._change is None else self._change(event)

    def offer(self, event: Event) -> None:
        """Sends or queues an event, if it is one that the client asked for."""
        if not self.wants(event) or (self._sent and self._has(event)):
            return
        if self._change is not None:
            event = self._change(event)
        sender = self._sender
        if sender is not None and not sender.is_paused and not self._queue:
            sender.write(event.text)
            return
        self._queue.append(event)
        self._bytes += len(event.text)
        while len(self._queue) > QUEUE_EVENTS_MAX or self._bytes > QUEUE_BYTES_MAX:
            self._bytes -= len(self._queue.popleft().text)
            self._lost += 1

    def leave_out(self, sent: Mapping[str, int]) -> None:
        """Drops events that the client has: by journal, up to the entry of a number; later ones too."""
        self._sent = dict(sent)
        left = [event for event in self._queue if not self._has(event)]
        self._queue = deque(left)
        self._bytes = sum(len(event.text) for event in left)

    def _has(self, event: Event) -> bool:
        return event.mark is not None and event.mark[1] <= self._sent.get(event.mark[0], 0)

    def attach(self, sender: EventSender, may_stay: Callable[[], bool]) -> None:
        """Sends what waits and all that comes from now on, as long as `may_stay` says so."""
        self._sender, self._may_stay = sender, may_stay
        sender.on_resumed = self._send_waiting
        if self.is_over:
            sender.end()
        else:
            self._send_waiting()

    def look(self, now_s: float) -> None:
        """Ends the response of a client that may not stay or does not read, and sends beats; about once a second."""
        sender = self._sender
        if sender is None:
            return
        if not self._may_stay():
            sender.end()
        elif sender.is_paused:
            self._stuck_since_s = now_s if self._stuck_since_s is None else self._stuck_since_s
            if now_s - self._stuck_since_s >= UNREAD_DEADLINE_S:
                sender.abort("the client reads nothing")
        else:
            self._stuck_since_s = None
            if now_s >= self._next_beat_s:
                # The first comes after a whole interval.
                if self._next_beat_s:
                    sender.write(_BEAT)
                self._next_beat_s = now_s + BEAT_S

    def end(self) -> None:
        """Tells the client that no more events will come."""
        self.is_over = True
        if self._sender is not None:
            self._sender.end()

    def take(self) -> tuple[int, list[Event]]:
        """Returns how many events were dropped, and those that wait."""
        lost, events = self._lost, list(self._queue)
        self._queue.clear()
        self._bytes = self._lost = 0
        return lost, events

    def _send_waiting(self) -> None:
        sender = self._sender
        assert sender is not None
        self._stuck_since_s = None
        if self._lost:
            sender.write(dump_gap(self._lost))
            self._lost = 0
        while self._queue and not sender.is_paused:
            event = self._queue.popleft()
            self._bytes -= len(event.text)
            sender.write(event.text)


def _always() -> bool:
    return True
