"""The event stream: events are numbered, kept for a while, and put into a bounded queue for each client.

While there is no client, and has not been one for a while, nothing is kept and nothing is computed.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from darvaz.gateway.events.bus import EventBus
from darvaz.gateway.events.order import MESSAGES, EventOrder, LocalOrder, Mark
from darvaz.gateway.events.queue import GAP, Event, EventQueue, dump_event_as, dump_gap
from darvaz.protocol.codec import Message

RING_EVENTS_MAX = 4_096
RING_BYTES_MAX = 4 * 1024 * 1024
CLIENTS_MAX = 1_000
# How long events are kept after the last client left, for those that come back.
LINGER_S = 120.0
FRAMES_EVERY_S = 1.0
# The number of an event is the journal's number when it happened, times this, and a count.
NUMBERS_PER_ENTRY = 1 << 20

TYPES = ("presence", "forgotten", *MESSAGES, "frames", "alert", "rollout")

# How often it is looked whether each client may stay and reads, and how many of them are looked at in one go.
LOOK_EVERY_S = 1.0
LOOKED_AT_MAX = 64


def message_data(device: str, time_s: float, message: Message) -> dict[str, Any]:
    """Returns the data of an event about a device's message: its fields, with the device and when it happened."""
    fields = msgspec.to_builtins(message)
    fields.pop("type", None)
    return {"device": device, "time": time_s, **fields}


class EventStreams:
    """Numbers the events of the bus, and puts them into the queues of clients. Used from the event loop only.

    Numbers tell how far the journal was, whatever the clock says: what a client missed is behind that entry.
    """

    def __init__(
        self,
        bus: EventBus,
        describe: Callable[[str], Any],
        unix_s: Callable[[], float],
        newest_entry: Callable[[], int],
        clients_max: int = CLIENTS_MAX,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bus = bus
        self.order: EventOrder = LocalOrder(bus)
        """Replaced before the first client comes, where several gateways are one."""
        # Returns the data of a presence event.
        self._describe = describe
        self._unix_s = unix_s
        # Returns the number of the journal's newest entry, on the disk or not.
        self._newest_entry = newest_entry
        self._clients_max = clients_max
        self._monotonic_s = monotonic_s
        # One for each client; the first was looked at the longest time ago.
        self._queues: dict[EventQueue, None] = {}
        # Whether the gateway stops: a client that comes now is told at once that nothing more comes.
        self._is_closed = False
        self._look_timer: asyncio.TimerHandle | None = None
        # The newest events, the oldest first, and the bytes of their texts.
        self._ring: deque[Event] = deque()
        self._ring_bytes = 0
        # The number of the newest event, or of the newest queue.
        self._newest = 0
        # The ring holds every event after this number; None while nothing is kept.
        self._complete_since: int | None = None
        # Ends the keeping some time after the last client left.
        self._linger_timer: asyncio.TimerHandle | None = None
        # Device → number of its frames and their bytes since the keeping began, and those with frames not yet told.
        self._frames: dict[str, tuple[int, int]] = {}
        self._cameras_with_news: set[str] = set()
        self._frames_timer: asyncio.TimerHandle | None = None

    @property
    def clients(self) -> int:
        return len(self._queues)

    @property
    def is_full(self) -> bool:
        return len(self._queues) >= self._clients_max

    # Clients

    def open_queue(
        self,
        types: frozenset[str],
        devices: frozenset[str] | None,
        change: Callable[[Event], Event] | None = None,
    ) -> EventQueue:
        """Returns a queue of events from now on; `close_queue` must be called with it."""
        if self._complete_since is None:
            self.order.follow(self._on_message)
            self._bus.subscribe_frames(self._on_frame)
            self._bus.subscribe_devices(self._on_presence, self._on_forgotten)
            self._bus.subscribe_gaps(self._on_gap)
            self._bus.subscribe_alerts(self._on_alert)
            self._bus.subscribe_rollouts(self._on_rollout)
            self._complete_since = self._next_number()
        if self._linger_timer is not None:
            self._linger_timer.cancel()
            self._linger_timer = None
        queue = EventQueue(types, devices, self._next_number(), change)
        queue.is_over = self._is_closed
        self._queues[queue] = None
        if self._look_timer is None:
            self._look_later()
        return queue

    def close_queue(self, queue: EventQueue) -> None:
        """Closes a queue; after the last one, events are kept for a while."""
        self._queues.pop(queue, None)
        if not self._queues and self._linger_timer is None and self._complete_since is not None:
            self._linger_timer = asyncio.get_running_loop().call_later(LINGER_S, self._stop)

    def between(self, number: int, queue: EventQueue) -> list[Event] | None:
        """Returns the events after a number and before a queue began that it wants; None if not all are kept."""
        if number < self.complete_since:
            return None
        return [event for event in self._ring if number < event.number < queue.begins and queue.wants(event)]

    @property
    def complete_since(self) -> int:
        """Returns the number after which every event is kept."""
        return self._next_number() if self._complete_since is None else self._complete_since

    @property
    def entries_before(self) -> int:
        """Returns the number of the journal's newest entry before the oldest event that is kept."""
        return self._ring[0].number // NUMBERS_PER_ENTRY if self._ring else self._newest_entry()

    def close(self) -> None:
        """Ends every queue, those that are opened later as well, and keeps nothing."""
        self._is_closed = True
        for queue in list(self._queues):
            queue.end()
        self._stop()

    def look_now(self) -> None:
        """Looks at all of the clients: some may not stay."""
        now_s = self._monotonic_s()
        for queue in list(self._queues):
            queue.look(now_s)

    def _look_later(self) -> None:
        groups = -(-len(self._queues) // LOOKED_AT_MAX)
        self._look_timer = asyncio.get_running_loop().call_later(LOOK_EVERY_S / groups, self._look)

    def _look(self) -> None:
        """Looks at some of the clients; at all of them within about `LOOK_EVERY_S`."""
        self._look_timer, now_s = None, self._monotonic_s()
        for queue in list(itertools.islice(self._queues, LOOKED_AT_MAX)):
            # To the end: the others come first.
            self._queues[queue] = self._queues.pop(queue)
            queue.look(now_s)
        if self._queues:
            self._look_later()

    def tell_gap(self) -> None:
        """Tells every client that an unknown number of events is missing."""
        if self._complete_since is not None:
            self._hand_out(Event(self._next_number(), GAP, "", dump_gap(None)))

    # Called by the bus

    def _on_message(
        self, type_: str, device: str | None, message: Message, happened_s: float, mark: Mark | None = None
    ) -> None:
        if device is not None:
            self._add(type_, device, message_data(device, happened_s, message), mark)

    def _on_presence(self, device: str) -> None:
        self._add("presence", device, self._describe(device))

    def _on_forgotten(self, device: str) -> None:
        self._frames.pop(device, None)
        self._add("forgotten", device, {"device": device, "time": self._unix_s()})

    def _on_gap(self, device: str, lost: int) -> None:
        self._add(GAP, device, {"device": device, "time": self._unix_s(), "lost": lost})

    def _on_alert(self, device: str | None) -> None:
        self._add("alert", device or "", {"device": device, "time": self._unix_s()})

    def _on_rollout(self, device: str | None, change: dict[str, Any]) -> None:
        self._add("rollout", device or "", {"device": device, "time": self._unix_s(), **change})

    def _on_frame(self, device: str, data: bytes) -> None:
        """Counts a frame: there are too many for an event each."""
        frames, size_bytes = self._frames.get(device, (0, 0))
        self._frames[device] = (frames + 1, size_bytes + len(data))
        self._cameras_with_news.add(device)
        if self._frames_timer is None:
            self._frames_timer = asyncio.get_running_loop().call_later(FRAMES_EVERY_S, self._add_frames)

    # Events

    def _add(self, type_: str, device: str, data: Any, mark: Mark | None = None) -> None:
        """Makes an event, and hands it out."""
        number = self._next_number()
        text = dump_event_as(self.order.id_of(number, mark), type_, data)
        self._hand_out(Event(number, type_, device, text, mark))

    def _hand_out(self, event: Event) -> None:
        """Keeps an event, and puts it into the queues."""
        self._ring.append(event)
        self._ring_bytes += len(event.text)
        while len(self._ring) > RING_EVENTS_MAX or self._ring_bytes > RING_BYTES_MAX:
            self._drop_oldest()
        for queue in self._queues:
            queue.offer(event)

    def _drop_oldest(self) -> None:
        """Drops the oldest event, and those that count from the same entry: those of all of them are behind it."""
        entry_id = self._ring[0].number // NUMBERS_PER_ENTRY
        while self._ring and self._ring[0].number // NUMBERS_PER_ENTRY == entry_id:
            oldest = self._ring.popleft()
            self._ring_bytes -= len(oldest.text)
            self._complete_since = oldest.number

    def _add_frames(self) -> None:
        self._frames_timer = None
        for device in self._cameras_with_news:
            frames, size_bytes = self._frames.get(device, (0, 0))
            data = {"device": device, "time": self._unix_s(), "frames": frames, "bytes": size_bytes}
            self._add("frames", device, data)
        self._cameras_with_news.clear()

    def _next_number(self) -> int:
        self._newest = max(self._newest + 1, self._newest_entry() * NUMBERS_PER_ENTRY)
        return self._newest

    def _stop(self) -> None:
        """Stops keeping events."""
        self.order.unfollow(self._on_message)
        self._bus.unsubscribe_frames(self._on_frame)
        self._bus.unsubscribe_devices(self._on_presence, self._on_forgotten)
        self._bus.unsubscribe_gaps(self._on_gap)
        self._bus.unsubscribe_alerts(self._on_alert)
        self._bus.unsubscribe_rollouts(self._on_rollout)
        for timer in (self._linger_timer, self._frames_timer, self._look_timer):
            if timer is not None:
                timer.cancel()
        self._linger_timer = self._frames_timer = self._look_timer = self._complete_since = None
        self._ring.clear()
        self._ring_bytes = 0
        self._frames.clear()
        self._cameras_with_news.clear()
