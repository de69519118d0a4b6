"""Events: numbered, kept for a moment, handed to bounded queues; nothing is paid while nobody watches."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from darvaz.gateway.events.bus import Feed
from darvaz.gateway.events.streams import (
    QUEUE_BYTES_MAX,
    QUEUE_EVENTS_MAX,
    RING_BYTES_MAX,
    RING_EVENTS_MAX,
    TYPES,
    Events,
    Watcher,
    dump_event,
)
from darvaz.protocol.codec import MessageCodec
from tests.support.clock import Clock

EVERYTHING = frozenset(TYPES)
PROTOCOL = MessageCodec()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def feed() -> Feed:
    return Feed()


@pytest.fixture
def events(feed: Feed, clock: Clock) -> Events:
    return Events(feed, lambda device: {"id": device}, clock)


def log(text: str = "hello") -> Any:
    return PROTOCOL.parse(json.dumps({"type": "log", "message": text, "level": "info"}))


async def taken(watcher: Watcher) -> tuple[int, list[dict[str, Any]]]:
    """Returns what is in a queue: how many were lost, and the others' type and data."""
    lost, found = await watcher.take(0)
    return lost, [read(event.text) for event in found]


def read(text: bytes) -> dict[str, Any]:
    """Reads one server-sent event as a browser does."""
    lines = dict(line.split(": ", 1) for line in text.decode().strip().split("\n"))
    return {**json.loads(lines["data"]), "number": int(lines["id"]), "event": lines["event"]}


async def test_what_happens_is_handed_to_whoever_watches(events: Events, feed: Feed, clock: Clock) -> None:
    watcher = events.watch(EVERYTHING, None)

    feed.publish("presence", "pico", True)
    feed.publish("log", "pico", log())
    feed.publish("forgotten", "pico", None)

    _, found = await taken(watcher)
    assert [event["event"] for event in found] == ["presence", "log", "forgotten"]
    assert found[2]["device"] == "pico"
    assert {key: found[1][key] for key in ("device", "time", "message", "level")} == {
        "device": "pico", "time": clock.now_s, "message": "hello", "level": "info",
    }  # fmt: skip


async def test_pings_are_no_events(events: Events, feed: Feed) -> None:
    watcher = events.watch(EVERYTHING, None)

    feed.publish("pong", "pico", None)
    feed.publish("log", None, log())

    assert await taken(watcher) == (0, [])


@pytest.mark.parametrize(
    ("types", "device", "expected"),
    [
        (EVERYTHING, "pico", ["pico"]),
        (EVERYTHING, None, ["pico", "door"]),
        (frozenset(["telemetry"]), None, []),
        (frozenset(["log"]), "nobody", []),
    ],
)
async def test_a_watcher_gets_what_it_asked_for(
    events: Events, feed: Feed, types: frozenset[str], device: str | None, expected: list[str]
) -> None:
    watcher = events.watch(types, device)

    feed.publish("log", "pico", log())
    feed.publish("log", "door", log())

    assert [event["device"] for event in (await taken(watcher))[1]] == expected


async def test_numbers_grow_even_when_the_clock_does_not(events: Events, feed: Feed, clock: Clock) -> None:
    watcher = events.watch(EVERYTHING, None)
    for _ in range(3):
        feed.publish("log", "pico", log())
    clock.now_s -= 3600
    feed.publish("log", "pico", log())

    _, found = await watcher.take(0)

    numbers = [event.number for event in found]
    assert numbers == sorted(set(numbers))
    assert numbers[0] >= 1_000_000 * 1_000_000, "they tell the time, so that they go on after a restart"


async def test_text_of_a_device_cannot_begin_another_event() -> None:
    text = dump_event(1, "log", {"message": "a\n\nevent: forged\r\ndata: {}\u2028\n"})

    assert text.count(b"\n") == 4 and b"\r" not in text
    assert text.endswith(b"\n\n")


# Limits


async def test_a_slow_watcher_loses_the_oldest_and_is_told_how_many(events: Events, feed: Feed) -> None:
    slow, quick = events.watch(EVERYTHING, None), events.watch(EVERYTHING, None)
    for number in range(QUEUE_EVENTS_MAX + 1):
        feed.publish("log", "pico", log(str(number)))
        await quick.take(0)

    assert len(slow) == QUEUE_EVENTS_MAX
    lost, found = await taken(slow)
    assert lost == 1
    assert (found[0]["message"], found[-1]["message"]) == ("1", str(QUEUE_EVENTS_MAX))
    assert await taken(quick) == (0, [])


async def test_a_queue_is_bounded_by_its_size_too(events: Events, feed: Feed) -> None:
    watcher = events.watch(EVERYTHING, None)
    for _ in range(200):
        feed.publish("log", "pico", log("x" * 12_000))

    lost, found = await watcher.take(0)

    assert lost > 0
    assert sum(len(event.text) for event in found) <= QUEUE_BYTES_MAX


async def test_the_ring_is_bounded_and_says_when_it_does_not_reach_back(
    events: Events, feed: Feed, clock: Clock
) -> None:
    events.leave(events.watch(EVERYTHING, None))
    begin = events.complete_since
    for _ in range(RING_EVENTS_MAX):
        feed.publish("log", "pico", log())
    clock.now_s += 1
    late = events.watch(EVERYTHING, None)
    assert len(events.between(begin, late) or []) == RING_EVENTS_MAX

    feed.publish("log", "pico", log())

    assert events.between(begin, late) is None
    assert len(events.between(events.complete_since, late) or []) == RING_EVENTS_MAX - 1


async def test_the_ring_is_bounded_by_its_size_too(events: Events, feed: Feed) -> None:
    events.watch(EVERYTHING, None)
    for _ in range(600):
        feed.publish("log", "pico", log("x" * 12_000))

    late = events.watch(EVERYTHING, None)
    kept = events.between(events.complete_since, late) or []
    assert 0 < sum(len(event.text) for event in kept) <= RING_BYTES_MAX


async def test_one_client_too_many_is_seen(feed: Feed, clock: Clock) -> None:
    events = Events(feed, lambda device: None, clock, clients_max=2)
    first = events.watch(EVERYTHING, None)
    assert not events.is_full
    events.watch(EVERYTHING, None)
    assert events.is_full and events.clients == 2

    events.leave(first)

    assert not events.is_full


# Coming back


async def test_whoever_comes_back_gets_what_was_missed_once(events: Events, feed: Feed, clock: Clock) -> None:
    first = events.watch(EVERYTHING, None)
    feed.publish("log", "pico", log("seen"))
    _, seen = await taken(first)
    events.leave(first)
    feed.publish("log", "pico", log("missed"))
    feed.publish("log", "door", log("missed too"))
    clock.now_s += 1

    back = events.watch(EVERYTHING, "pico")
    feed.publish("log", "pico", log("live"))

    missed = [read(event.text)["message"] for event in events.between(seen[-1]["number"], back) or []]
    live = [event["message"] for event in (await taken(back))[1]]
    assert (missed, live) == (["missed"], ["live"])


async def test_while_nobody_has_watched_nothing_is_kept(events: Events, feed: Feed) -> None:
    feed.publish("log", "pico", log())

    watcher = events.watch(EVERYTHING, None)

    assert events.between(0, watcher) is None
    assert events.between(events.complete_since, watcher) == []


async def test_a_while_after_the_last_watcher_nothing_is_paid_any_more(
    events: Events, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("darvaz.gateway.events.streams.LINGER_S", 0.02)
    events.leave(events.watch(EVERYTHING, None))
    assert feed._takers

    await asyncio.sleep(0.1)

    assert not feed._takers


async def test_who_comes_back_in_time_keeps_the_ring_going(
    events: Events, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("darvaz.gateway.events.streams.LINGER_S", 0.02)
    events.leave(events.watch(EVERYTHING, None))
    events.watch(EVERYTHING, None)

    await asyncio.sleep(0.1)

    assert feed._takers


# Frames


async def test_frames_are_counted_and_told_once_in_a_while(
    events: Events, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("darvaz.gateway.events.streams.FRAMES_EVERY_S", 0.02)
    watcher = events.watch(EVERYTHING, None)
    for _ in range(5):
        feed.publish("frame", "door", b"12345")

    _, [told] = await watcher.take(5)

    assert {key: read(told.text)[key] for key in ("event", "device", "frames", "bytes")} == {
        "event": "frames", "device": "door", "frames": 5, "bytes": 25,
    }  # fmt: skip


# The end


async def test_closing_ends_every_watcher(events: Events, feed: Feed) -> None:
    watcher = events.watch(EVERYTHING, None)
    waiting = asyncio.create_task(watcher.take(20))
    await asyncio.sleep(0)

    events.close()

    assert await waiting == (0, [])
    assert watcher.is_over
    assert not feed._takers
