"""The queue of a client: events are sent at once, wait while it does not read, and are counted when they are lost."""

from __future__ import annotations

import pytest

from darvaz.gateway.events.queue import BEAT_S, QUEUE_EVENTS_MAX, UNREAD_DEADLINE_S, Event, EventQueue, dump_gap
from tests.support.event_sender import Sender


@pytest.fixture
def queue() -> EventQueue:
    return EventQueue(frozenset({"log"}), None, 0)


def event(number: int, type_: str = "log") -> Event:
    return Event(number, type_, "pico", b"%d" % number)


def test_events_wait_until_the_client_has_what_it_missed_and_are_then_sent_at_once(queue: EventQueue) -> None:
    sender = Sender()
    queue.offer(event(1))
    queue.attach(sender, lambda: True)
    queue.offer(event(2))
    queue.offer(event(3, "telemetry"))

    assert (sender.sent, len(queue)) == ([b"1", b"2"], 0)


def test_a_client_that_stops_reading_gets_the_others_when_it_reads_again(queue: EventQueue) -> None:
    sender = Sender(takes_max=2)
    queue.attach(sender, lambda: True)
    for number in range(5):
        queue.offer(event(number))
    assert (sender.sent, len(queue)) == ([b"0", b"1"], 3)

    sender.resume()
    queue.offer(event(5))

    assert sender.sent == [b"0", b"1", b"2", b"3", b"4", b"5"]


def test_one_event_beyond_the_maximum_is_told_before_those_that_are_left(queue: EventQueue) -> None:
    sender = Sender(takes_max=1)
    queue.attach(sender, lambda: True)
    for number in range(1 + QUEUE_EVENTS_MAX + 1):
        queue.offer(event(number))

    sender.resume()

    assert sender.sent[:3] == [b"0", dump_gap(1), b"2"]
    assert len(sender.sent) == 2 + QUEUE_EVENTS_MAX


def test_a_client_that_stops_reading_again_keeps_the_rest_waiting(queue: EventQueue) -> None:
    sender = Sender(takes_max=3)
    for number in range(5):
        queue.offer(event(number))

    queue.attach(sender, lambda: True)

    assert (sender.sent, len(queue)) == ([b"0", b"1", b"2"], 2)


def test_a_client_that_reads_nothing_until_the_deadline_is_disconnected(queue: EventQueue) -> None:
    sender = Sender(takes_max=1)
    queue.attach(sender, lambda: True)
    queue.offer(event(1))

    queue.look(100.0)
    queue.look(100.0 + UNREAD_DEADLINE_S - 0.1)
    assert not sender.ended
    queue.look(100.0 + UNREAD_DEADLINE_S)

    assert sender.ended == "the client reads nothing"


def test_a_client_that_reads_a_little_stays(queue: EventQueue) -> None:
    sender = Sender(takes_max=1)
    queue.attach(sender, lambda: True)
    queue.offer(event(1))
    queue.look(100.0)

    sender.resume()
    sender.is_paused = True
    queue.look(100.0 + UNREAD_DEADLINE_S)

    assert not sender.ended


def test_a_client_that_may_not_stay_is_ended(queue: EventQueue) -> None:
    sender = Sender()
    queue.attach(sender, lambda: False)

    queue.look(0.0)

    assert sender.ended == "in order"


def test_a_quiet_stream_has_a_beat_in_each_interval(queue: EventQueue) -> None:
    sender = Sender()
    queue.attach(sender, lambda: True)

    for second in range(1, 2 * int(BEAT_S) + 2):
        queue.look(float(second))

    assert sender.sent == [b": beat\n\n"] * 2
