"""EventStreams for whoever watches: what happens is numbered, kept for a moment, and handed to bounded queues.

While nobody watches, and has not for a while, nothing is kept and nothing is paid.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from darvaz.gateway.events.bus import EventBus
from darvaz.text.json_lines import dump_line

RING_EVENTS_MAX = 4_096
RING_BYTES_MAX = 4 * 1024 * 1024
QUEUE_EVENTS_MAX = 1_024
QUEUE_BYTES_MAX = 1024 * 1024
CLIENTS_MAX = 200
LINGER_S = 120.0
FRAMES_EVERY_S = 1.0

MESSAGES = ("telemetry", "log", "ack")
TYPES = ("presence", "forgotten", *MESSAGES, "frames")
_FEED_TYPES = ("presence", "forgotten", *MESSAGES, "frame")


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, with its number and as it goes on the wire."""

    number: int
    type: str
    device: str
    text: bytes


def dump_event(number: int, type_: str, data: Any) -> bytes:
    """Returns an event in the form of a server-sent event; its data is one line of JSON."""
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (number, type_.encode(), dump_line(data))


def message_data(device: str, time_s: float, message: Any) -> dict[str, Any]:
    """Returns what an event says of a device's message: its fields, with who and when."""
    fields = msgspec.to_builtins(message)
    fields.pop("type", None)
    return {"device": device, "time": time_s, **fields}


class EventStreams:
    """Numbers what the bus brings, and hands it to watchers. Used from the event loop only.

    Numbers are microseconds since 1970, made unique: they go on after a restart, and tell when.
    """

    def __init__(
        self, bus: EventBus, describe: Callable[[str], Any], unix_s: Callable[[], float], clients_max: int = CLIENTS_MAX
    ) -> None:
        self._bus = bus
        self._describe = describe
        self._unix_s = unix_s
        self._clients_max = clients_max
        self._watchers: set[EventQueue] = set()
        self._ring: deque[Event] = deque()
        self._ring_bytes = 0
        self._last = 0
        self._complete_since: int | None = None
        self._rest: asyncio.TimerHandle | None = None
        self._frames: dict[str, tuple[int, int]] = {}
        self._moved: set[str] = set()
        self._frames_timer: asyncio.TimerHandle | None = None

    @property
    def clients(self) -> int:
        return len(self._watchers)

    @property
    def is_full(self) -> bool:
        return len(self._watchers) >= self._clients_max

    # Watching

    def open_queue(self, types: frozenset[str], device: str | None) -> EventQueue:
        """Opens a queue of what happens from now on; `leave` must be called with it."""
        if self._complete_since is None:
            self._bus.subscribe(_FEED_TYPES, self._take)
            self._complete_since = self._next()
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
        queue = EventQueue(types, device, self._next())
        self._watchers.add(queue)
        return queue

    def close_queue(self, queue: EventQueue) -> None:
        """Closes a queue; after the last one, events are kept a while for those who come back."""
        self._watchers.discard(queue)
        if not self._watchers and self._rest is None and self._complete_since is not None:
            self._rest = asyncio.get_running_loop().call_later(LINGER_S, self._sleep)

    def between(self, number: int, queue: EventQueue) -> list[Event] | None:
        """Returns what a queue missed: all it wants after an event and before it came; None if not all is kept."""
        if number < self.complete_since:
            return None
        return [event for event in self._ring if number < event.number < queue.begins and queue.wants(event)]

    @property
    def complete_since(self) -> int:
        """Returns the number after which everything is kept."""
        return self._next() if self._complete_since is None else self._complete_since

    def close(self) -> None:
        """Ends every queue and keeps nothing."""
        for queue in list(self._watchers):
            queue.end()
        self._sleep()

    # Taking

    def _take(self, type_: str, device: str | None, what: Any) -> None:
        if device is None:
            return
        if type_ == "frame":
            self._count_frame(device, len(what))
        elif type_ == "presence":
            self._happen(type_, device, self._describe(device))
        elif type_ == "forgotten":
            self._frames.pop(device, None)
            self._happen(type_, device, {"device": device, "time": self._unix_s()})
        else:
            self._happen(type_, device, message_data(device, self._unix_s(), what))

    def _happen(self, type_: str, device: str, data: Any) -> None:
        number = self._next()
        event = Event(number, type_, device, dump_event(number, type_, data))
        self._ring.append(event)
        self._ring_bytes += len(event.text)
        while len(self._ring) > RING_EVENTS_MAX or self._ring_bytes > RING_BYTES_MAX:
            gone = self._ring.popleft()
            self._ring_bytes -= len(gone.text)
            self._complete_since = gone.number
        for queue in self._watchers:
            queue.offer(event)

    def _next(self) -> int:
        self._last = max(self._last + 1, int(self._unix_s() * 1_000_000))
        return self._last

    # Frames: too many for an event each

    def _count_frame(self, device: str, size_bytes: int) -> None:
        frames, total_bytes = self._frames.get(device, (0, 0))
        self._frames[device] = (frames + 1, total_bytes + size_bytes)
        self._moved.add(device)
        if self._frames_timer is None:
            self._frames_timer = asyncio.get_running_loop().call_later(FRAMES_EVERY_S, self._tell_frames)

    def _tell_frames(self) -> None:
        self._frames_timer = None
        for device in self._moved:
            frames, total_bytes = self._frames.get(device, (0, 0))
            data = {"device": device, "time": self._unix_s(), "frames": frames, "bytes": total_bytes}
            self._happen("frames", device, data)
        self._moved.clear()

    def _sleep(self) -> None:
        self._bus.unsubscribe(_FEED_TYPES, self._take)
        for timer in (self._rest, self._frames_timer):
            if timer is not None:
                timer.cancel()
        self._rest = self._frames_timer = self._complete_since = None
        self._ring.clear()
        self._ring_bytes = 0
        self._frames.clear()
        self._moved.clear()


class EventQueue:
    """One client's queue: at most `QUEUE_EVENTS_MAX` events of `QUEUE_BYTES_MAX`, the oldest give way.

    How many were lost is told before what is left.
    """

    def __init__(self, types: frozenset[str], device: str | None, begins: int) -> None:
        self.begins = begins
        self._types = types
        self._device = device
        self._queue: deque[Event] = deque()
        self._bytes = 0
        self._lost = 0
        self._wake = asyncio.Event()
        self.is_over = False

    def __len__(self) -> int:
        return len(self._queue)

    def wants_type(self, type_: str) -> bool:
        return type_ in self._types

    def wants(self, event: Event) -> bool:
        return event.type in self._types and self._device in (None, event.device)

    def offer(self, event: Event) -> None:
        """Queues an event, if it is one that the client asked for."""
        if not self.wants(event):
            return
        self._queue.append(event)
        self._bytes += len(event.text)
        while len(self._queue) > QUEUE_EVENTS_MAX or self._bytes > QUEUE_BYTES_MAX:
            self._bytes -= len(self._queue.popleft().text)
            self._lost += 1
        self._wake.set()

    def end(self) -> None:
        """Tells the client that nothing more will come."""
        self.is_over = True
        self._wake.set()

    async def take(self, timeout_s: float) -> tuple[int, list[Event]]:
        """Returns how many events were lost and those that are left, or nothing after a while."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._wake.wait()
        except TimeoutError:
            return 0, []
        self._wake.clear()
        lost, events = self._lost, list(self._queue)
        self._queue.clear()
        self._bytes = self._lost = 0
        return lost, events
