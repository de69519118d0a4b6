"""Event streams: events are numbered, kept for a while, and queued for clients; without clients, nothing is kept."""

from __future__ import annotations

import asyncio
import functools
import itertools
import json
from typing import Any

import pytest

from darvaz.gateway.events.bus import EventBus
from darvaz.gateway.events.queue import QUEUE_BYTES_MAX, QUEUE_EVENTS_MAX, EventQueue, dump_event
from darvaz.gateway.events.streams import (
    LOOKED_AT_MAX,
    NUMBERS_PER_ENTRY,
    RING_BYTES_MAX,
    RING_EVENTS_MAX,
    TYPES,
    EventStreams,
)
from darvaz.protocol.codec import Message, MessageCodec
from darvaz.protocol.faults import Fault
from tests.support.clock import Clock
from tests.support.event_sender import Sender

EVERYTHING = frozenset(TYPES)
PROTOCOL = MessageCodec()
NOW_S = 1_790_000_000.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bus() -> EventBus:
    return EventBus()


@pytest.fixture
def events(bus: EventBus, clock: Clock) -> EventStreams:
    return EventStreams(bus, lambda device: {"id": device}, clock, itertools.count(1).__next__)


def pong() -> Message:
    return parsed({"type": "pong"})


def log(text: str = "hello") -> Message:
    return parsed({"type": "log", "message": text, "level": "info"})


def parsed(fields: dict[str, Any]) -> Message:
    message = PROTOCOL.parse(json.dumps(fields))
    assert not isinstance(message, Fault)
    return message


def has_no_subscribers(bus: EventBus) -> bool:
    return not (bus._messages or bus._frames or bus._presence or bus._forgotten or bus._gaps)


def taken(queue: EventQueue) -> tuple[int, list[dict[str, Any]]]:
    """Returns what is in a queue: how many were lost, and the others' type and data."""
    lost, found = queue.take()
    return lost, [read(event.text) for event in found]


def read(text: bytes) -> dict[str, Any]:
    """Reads one server-sent event as a browser does."""
    lines = dict(line.split(": ", 1) for line in text.decode().strip().split("\n"))
    return {**json.loads(lines["data"]), "number": int(lines["id"]), "event": lines["event"]}


async def test_every_event_is_queued_for_each_client(events: EventStreams, bus: EventBus, clock: Clock) -> None:
    queue = events.open_queue(EVERYTHING, None)

    bus.publish_presence("pico")
    bus.publish("log", "pico", log(), NOW_S)
    bus.publish_forgotten("pico")

    _, found = taken(queue)
    assert [event["event"] for event in found] == ["presence", "log", "forgotten"]
    assert found[2]["device"] == "pico"
    assert {key: found[1][key] for key in ("device", "time", "message", "level")} == {
        "device": "pico", "time": NOW_S, "message": "hello", "level": "info",
    }  # fmt: skip


async def test_pongs_and_messages_without_a_device_are_not_events(events: EventStreams, bus: EventBus) -> None:
    queue = events.open_queue(EVERYTHING, None)

    bus.publish("pong", "pico", pong(), NOW_S)
    bus.publish("log", None, log(), NOW_S)

    assert taken(queue) == (0, [])


@pytest.mark.parametrize(
    ("types", "device", "expected"),
    [
        (EVERYTHING, "pico", ["pico"]),
        (EVERYTHING, None, ["pico", "gate"]),
        (frozenset(["telemetry"]), None, []),
        (frozenset(["log"]), "nobody", []),
    ],
)
async def test_a_client_gets_the_types_and_the_device_that_it_asked_for(
    events: EventStreams, bus: EventBus, types: frozenset[str], device: str | None, expected: list[str]
) -> None:
    queue = events.open_queue(types, frozenset({device}) if device else None)

    bus.publish("log", "pico", log(), NOW_S)
    bus.publish("log", "gate", log(), NOW_S)

    assert [event["device"] for event in (taken(queue))[1]] == expected


async def test_numbers_grow_even_when_the_clock_does_not(events: EventStreams, bus: EventBus, clock: Clock) -> None:
    queue = events.open_queue(EVERYTHING, None)
    for _ in range(3):
        bus.publish("log", "pico", log(), NOW_S)
    clock.now_s -= 3600
    bus.publish("log", "pico", log(), NOW_S)

    _, found = queue.take()

    numbers = [event.number for event in found]
    assert numbers == sorted(set(numbers))
    # The fixture's journal has one entry more at each look.
    assert [number // NUMBERS_PER_ENTRY for number in numbers] == [3, 4, 5, 6]


async def test_events_before_one_entry_are_told_apart_and_leave_the_ring_together(bus: EventBus, clock: Clock) -> None:
    newest = [1]
    events = EventStreams(bus, lambda device: None, clock, lambda: newest[0])
    queue = events.open_queue(EVERYTHING, None)
    for _ in range(10):
        bus.publish("log", "pico", log(), NOW_S)
    newest[0] = 2
    for _ in range(RING_EVENTS_MAX - 9):
        bus.publish("log", "pico", log(), NOW_S)

    late = events.open_queue(EVERYTHING, None)
    # Entry 2 is that of the ten events: they come from the journal.
    assert events.entries_before == 2
    assert len(events.between(events.complete_since, late) or []) == RING_EVENTS_MAX - 9
    assert len({event.number for event in queue.take()[1]}) == QUEUE_EVENTS_MAX


async def test_what_a_board_lost_goes_to_clients_of_that_board_whatever_they_want(
    events: EventStreams, bus: EventBus
) -> None:
    queue, other = events.open_queue(frozenset(), frozenset(["pico"])), events.open_queue(EVERYTHING, frozenset("x"))
    bus.publish_gap("pico", 3)

    _, [event] = taken(queue)
    assert (event["event"], event["device"], event["lost"]) == ("gap", "pico", 3)
    assert taken(other) == (0, [])


async def test_text_of_a_device_cannot_begin_another_event() -> None:
    text = dump_event(1, "log", {"message": "a\n\nevent: forged\r\ndata: {}\u2028\n"})

    assert text.count(b"\n") == 4 and b"\r" not in text
    assert text.endswith(b"\n\n")


# Limits


async def test_a_slow_client_loses_the_oldest_events_and_gets_their_number(events: EventStreams, bus: EventBus) -> None:
    slow, quick = events.open_queue(EVERYTHING, None), events.open_queue(EVERYTHING, None)
    for number in range(QUEUE_EVENTS_MAX + 1):
        bus.publish("log", "pico", log(str(number)), NOW_S)
        quick.take()

    assert len(slow) == QUEUE_EVENTS_MAX
    lost, found = taken(slow)
    assert lost == 1
    assert (found[0]["message"], found[-1]["message"]) == ("1", str(QUEUE_EVENTS_MAX))
    assert taken(quick) == (0, [])


async def test_a_queue_has_a_maximum_of_bytes(events: EventStreams, bus: EventBus) -> None:
    queue = events.open_queue(EVERYTHING, None)
    for _ in range(200):
        bus.publish("log", "pico", log("x" * 12_000), NOW_S)

    lost, found = queue.take()

    assert lost > 0
    assert sum(len(event.text) for event in found) <= QUEUE_BYTES_MAX


async def test_one_event_beyond_the_ring_is_no_longer_kept_and_that_is_known(
    events: EventStreams, bus: EventBus, clock: Clock
) -> None:
    events.close_queue(events.open_queue(EVERYTHING, None))
    begin = events.complete_since
    for _ in range(RING_EVENTS_MAX):
        bus.publish("log", "pico", log(), NOW_S)
    clock.now_s += 1
    late = events.open_queue(EVERYTHING, None)
    assert len(events.between(begin, late) or []) == RING_EVENTS_MAX

    bus.publish("log", "pico", log(), NOW_S)

    assert events.between(begin, late) is None
    assert len(events.between(events.complete_since, late) or []) == RING_EVENTS_MAX - 1


async def test_the_ring_has_a_maximum_of_bytes(events: EventStreams, bus: EventBus) -> None:
    events.open_queue(EVERYTHING, None)
    for _ in range(600):
        bus.publish("log", "pico", log("x" * 12_000), NOW_S)

    late = events.open_queue(EVERYTHING, None)
    kept = events.between(events.complete_since, late) or []
    assert 0 < sum(len(event.text) for event in kept) <= RING_BYTES_MAX


async def test_a_full_number_of_clients_is_known(bus: EventBus, clock: Clock) -> None:
    events = EventStreams(bus, lambda device: None, clock, lambda: 0, clients_max=2)
    first = events.open_queue(EVERYTHING, None)
    assert not events.is_full
    events.open_queue(EVERYTHING, None)
    assert events.is_full and events.clients == 2

    events.close_queue(first)

    assert not events.is_full


# Clients that come back


async def test_a_client_that_comes_back_gets_each_missed_event_once(
    events: EventStreams, bus: EventBus, clock: Clock
) -> None:
    first = events.open_queue(EVERYTHING, None)
    bus.publish("log", "pico", log("seen"), NOW_S)
    _, seen = taken(first)
    events.close_queue(first)
    bus.publish("log", "pico", log("missed"), NOW_S)
    bus.publish("log", "gate", log("missed too"), NOW_S)
    clock.now_s += 1

    back = events.open_queue(EVERYTHING, frozenset({"pico"}))
    bus.publish("log", "pico", log("live"), NOW_S)

    missed = [read(event.text)["message"] for event in events.between(seen[-1]["number"], back) or []]
    live = [event["message"] for event in (taken(back))[1]]
    assert (missed, live) == (["missed"], ["live"])


async def test_nothing_is_kept_before_the_first_client(events: EventStreams, bus: EventBus) -> None:
    bus.publish("log", "pico", log(), NOW_S)

    queue = events.open_queue(EVERYTHING, None)

    assert events.between(0, queue) is None
    assert events.between(events.complete_since, queue) == []


async def test_some_time_after_the_last_client_the_bus_has_no_subscriber(
    events: EventStreams, bus: EventBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("darvaz.gateway.events.streams.LINGER_S", 0.02)
    events.close_queue(events.open_queue(EVERYTHING, None))
    assert bus._messages

    await asyncio.sleep(0.1)

    assert has_no_subscribers(bus)


async def test_a_client_that_comes_back_in_time_finds_the_events_kept(
    events: EventStreams, bus: EventBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("darvaz.gateway.events.streams.LINGER_S", 0.02)
    events.close_queue(events.open_queue(EVERYTHING, None))
    events.open_queue(EVERYTHING, None)

    await asyncio.sleep(0.1)

    assert bus._messages


# Frames


async def test_frames_are_counted_into_one_event_for_some_time(
    events: EventStreams, bus: EventBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("darvaz.gateway.events.streams.FRAMES_EVERY_S", 0.02)
    queue = events.open_queue(EVERYTHING, None)
    for _ in range(5):
        bus.publish_frame("gate", b"12345")

    sender = Sender()
    queue.attach(sender, lambda: True)
    async with asyncio.timeout(20):
        await sender.written.wait()
    [text] = sender.sent

    assert {key: read(text)[key] for key in ("event", "device", "frames", "bytes")} == {
        "event": "frames", "device": "gate", "frames": 5, "bytes": 25,
    }  # fmt: skip


# The end


async def test_closing_ends_every_queue(events: EventStreams, bus: EventBus) -> None:
    queue, late = events.open_queue(EVERYTHING, None), events.open_queue(EVERYTHING, None)
    senders = [Sender() for _ in range(3)]
    queue.attach(senders[0], lambda: True)

    events.close()
    late.attach(senders[1], lambda: True)
    events.open_queue(EVERYTHING, None).attach(senders[2], lambda: True)
    events.close()
    assert [sender.ended for sender in senders] == ["in order"] * 3
    assert has_no_subscribers(bus)


async def test_clients_are_looked_at_in_groups_and_all_of_them_within_the_time(
    bus: EventBus, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("darvaz.gateway.events.streams.LOOK_EVERY_S", 0.02)
    events, numbers, all_seen = EventStreams(bus, lambda device: None, clock, lambda: 0), list[int](), asyncio.Event()

    def ask(number: int) -> bool:
        numbers.append(number)
        if len(numbers) > LOOKED_AT_MAX:
            all_seen.set()
        return True

    for number in range(LOOKED_AT_MAX + 1):
        events.open_queue(EVERYTHING, None).attach(Sender(), functools.partial(ask, number))

    async with asyncio.timeout(20):
        await all_seen.wait()
    events.close()

    assert numbers[: LOOKED_AT_MAX + 1] == list(range(LOOKED_AT_MAX + 1))
