"""Ids of events in a cluster: what they say of the stream, and what a client has not had."""

from __future__ import annotations

import pytest

from darvaz.gateway.cluster.event_positions import SETTLE_S, EventPosition, EventPositions, stream_key
from darvaz.gateway.cluster.follower import BucketEntry
from darvaz.gateway.cluster.missed_entries import ROWS_MAX, MissedEntries
from darvaz.gateway.journal.batches import pack

STREAM = stream_key("2026")


def entries(revision: int, journal: str, first_id: int, *texts: str) -> BucketEntry:
    """Returns a message of the stream with lines of a log."""
    group = (1_000, "pico", "pico", "", [("<", "log", text) for text in texts])
    return BucketEntry(journal, pack(first_id, [group], str), revision)


def missed(last: str, until: dict[str, int], *messages: BucketEntry) -> MissedEntries:
    position = EventPosition.parse(last)
    assert position is not None
    made = MissedEntries(position, until, lambda type_: type_ == "log")
    for message in messages:
        made.take(message)
    return made


def texts_of(found: MissedEntries) -> list[str]:
    return [row.payload for _, _, row in found.found]


def test_an_id_says_what_is_ahead_of_the_stream_until_the_stream_has_it() -> None:
    positions = EventPositions("abc")
    positions.begin("2026", 4)
    positions.take(("aaaa", 7))
    positions.take(("bbbb", 3))
    positions.pass_by(5, "aaaa", 8, now_s=0.0)
    positions.pass_by(6, "bbbb", 3, now_s=0.0)
    early = positions.position(1, now_s=1.0).dump()
    late = positions.position(2, now_s=SETTLE_S).dump()

    assert early == f"{STREAM}.4.abc.1.aaaa.7.bbbb.3".encode()
    assert late == f"{STREAM}.6.abc.2.bbbb.3".encode()
    assert EventPosition.parse(early.decode()) == (STREAM, 4, "abc", 1, {"aaaa": 7, "bbbb": 3})


@pytest.mark.parametrize("text", ["5", "", f"{STREAM}.4.abc", f"{STREAM}.4.abc.1.aaaa", f"{STREAM}.4.abc.1.aaaa.x"])
def test_what_is_no_id_of_a_cluster_is_known_as_such(text: str) -> None:
    assert EventPosition.parse(text) is None


def test_a_client_gets_what_is_behind_its_position_and_can_stop_at_each_event() -> None:
    last = f"{STREAM}.4.abc.1.aaaa.2"
    messages = entries(5, "aaaa", 1, "1", "2", "3"), entries(6, "bbbb", 9, "9"), entries(7, "aaaa", 4, "4")
    all_of_it = missed(last, {"aaaa": 4, "cccc": 1}, *messages)

    assert texts_of(all_of_it) == ["3", "9", "4"]
    assert (all_of_it.lacks(), all_of_it.has_gap, all_of_it.sent) == (["cccc"], False, {"aaaa": 4, "bbbb": 9})
    for number, (position, _, _) in enumerate(all_of_it.found, 1):
        rest = missed(position.dump().decode(), {}, *messages[position.sequence - 4 :])
        assert texts_of(rest) == ["3", "9", "4"][number:]


def test_messages_that_the_stream_keeps_no_more_and_too_many_events_are_a_gap() -> None:
    many = entries(5, "aaaa", 1, *map(str, range(ROWS_MAX + 1)))

    assert missed(f"{STREAM}.3.abc.1", {}, many).has_gap
    found = missed(f"{STREAM}.4.abc.1", {}, many)
    assert found.has_gap and texts_of(found)[0] == "1"
    assert missed(f"{STREAM}.4.abc.1", {}, BucketEntry("aaaa", b"?", 5)).has_gap
