"""What waits for the broker: in order, nothing lost below the maximum, and what is worth least is given up above it."""

from __future__ import annotations

from darvaz.gateway.mqtt.outbox import IN_FLIGHT_MAX, Outbox, Publication


def state(topic: str, text: str, *, is_newest_only: bool = False) -> Publication:
    return Publication(topic, text.encode(), is_newest_only=is_newest_only)


def log_line(text: str) -> Publication:
    return Publication("log", text.encode(), is_retained=False)


def taken(outbox: Outbox) -> list[tuple[str, str]]:
    """Takes and acknowledges everything."""
    found = []
    while (publication := outbox.take()) is not None:
        outbox.acknowledge()
        found.append((publication.topic, publication.payload.decode()))
    return found


def test_publications_leave_in_their_order() -> None:
    outbox = Outbox()
    for number in range(50):
        outbox.add(state("a", str(number)))

    assert taken(outbox) == [("a", str(number)) for number in range(50)]
    assert (len(outbox), outbox.dropped) == (0, 0)


def test_no_more_are_under_way_than_the_broker_takes() -> None:
    outbox = Outbox()
    for number in range(IN_FLIGHT_MAX + 1):
        outbox.add(state("a", str(number)))
    under_way = [outbox.take() for _ in range(IN_FLIGHT_MAX)]

    assert None not in under_way
    assert outbox.take() is None
    outbox.acknowledge()
    assert outbox.take() is not None
    assert len(outbox) == IN_FLIGHT_MAX


def test_one_beyond_the_maximum_drops_replaced_states_first() -> None:
    outbox = Outbox(waiting_max=10)
    outbox.add(log_line("first"))
    outbox.add(state("rare", "1"))
    for number in range(9):
        outbox.add(state("often", str(number)))

    assert taken(outbox) == [("log", "first"), ("rare", "1"), ("often", "8")]
    assert outbox.dropped == 8


def test_where_nothing_is_replaced_the_oldest_are_dropped() -> None:
    outbox = Outbox(waiting_max=10)
    for number in range(11):
        outbox.add(log_line(str(number)))

    assert taken(outbox) == [("log", str(number)) for number in range(2, 11)]
    assert outbox.dropped == 2


def test_one_byte_beyond_the_maximum_drops_too() -> None:
    outbox = Outbox(waiting_bytes_max=100)
    outbox.add(log_line("x" * 60))
    outbox.add(log_line("y" * 40))
    assert outbox.dropped == 0

    outbox.add(log_line("z"))

    assert taken(outbox) == [("log", "y" * 40), ("log", "z")]
    assert outbox.dropped == 1


def test_of_pictures_only_the_newest_waits() -> None:
    outbox = Outbox()
    outbox.add(state("picture", "old", is_newest_only=True))
    outbox.add(state("a", "1"))
    outbox.add(state("picture", "new", is_newest_only=True))

    assert taken(outbox) == [("a", "1"), ("picture", "new")]
    assert outbox.dropped == 0
