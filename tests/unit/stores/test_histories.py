"""What is asked of a history, whatever program keeps it."""

from __future__ import annotations

from darvaz.gateway.telemetry.blocks import unpack
from darvaz.gateway.telemetry.export import ReadingFilter
from darvaz.gateway.telemetry.view import HistoryView
from tests.unit.stores.conftest import HistoryStore

BEGIN_S = 1_790_000_000.0


def write(history: HistoryStore, count: int = 3) -> None:
    for number in range(count):
        history.write("a", BEGIN_S + number, {"t": 20.0 + number})
    history.write("a", BEGIN_S, {"door": "closed"})
    history.write("a", BEGIN_S + 1, {"door": "open"})
    history.write("b", BEGIN_S, {"t": -5})


async def test_a_plot_has_the_readings_between_two_times_but_the_last(history: HistoryStore) -> None:
    write(history)

    found = await history.reader.read(lambda view: view.plot("a", "t", BEGIN_S, BEGIN_S + 2, 100))

    assert (found.source, found.step_s) == ("readings", 0.0)
    assert [(point.time, point.mean) for point in found.points] == [(BEGIN_S, 20.0), (BEGIN_S + 1, 21.0)]


async def test_a_plot_has_no_more_points_than_were_asked_for_and_all_readings_in_them(history: HistoryStore) -> None:
    write(history, 40)

    found = await history.reader.read(lambda view: view.plot("a", "t", BEGIN_S, BEGIN_S + 40, 10))

    assert 1 <= len(found.points) <= 10 and sum(point.count for point in found.points) == 40
    assert (min(point.low for point in found.points), max(point.high for point in found.points)) == (20.0, 59.0)


async def test_what_waits_counts_once_where_it_is_written_meanwhile(history: HistoryStore) -> None:
    write(history)
    fresh = [(1 << 40, [int(BEGIN_S * 1000) + 2_500], [7.0])]

    found = await history.reader.read(lambda view: view.plot("a", "t", BEGIN_S, BEGIN_S + 10, 100, fresh))

    assert [point.mean for point in found.points] == [20.0, 21.0, 22.0, 7.0]


async def test_the_last_readings_are_the_newest_number_of_each_name(history: HistoryStore) -> None:
    write(history)

    assert await history.reader.read(lambda view: view.last_readings("a")) == {"t": (22.0, BEGIN_S + 2)}
    assert await history.reader.read(lambda view: view.last_readings("nobody")) == {}


async def test_texts_are_changes_with_what_was_at_the_beginning(history: HistoryStore) -> None:
    write(history)

    found = await history.reader.read(lambda view: view.states("a", "door", BEGIN_S + 0.5, BEGIN_S + 10))

    assert [tuple(each) for each in found] == [(BEGIN_S, "closed"), (BEGIN_S + 1, "open")]


async def test_an_export_has_every_reading_and_every_change_once(history: HistoryStore) -> None:
    write(history)
    wanted = ReadingFilter("", "", int(BEGIN_S * 1000), int(BEGIN_S * 1000) + 10_000)

    numbers = await history.reader.read(all_numbers, wanted)
    changes = await history.reader.read(all_changes, wanted)

    assert numbers == [("a", "t", 20.0), ("a", "t", 21.0), ("a", "t", 22.0), ("b", "t", -5.0)]
    # As JSON, which tells truth values from texts.
    assert changes == [("a", "door", '"closed"'), ("a", "door", '"open"')]


def all_numbers(view: HistoryView, wanted: ReadingFilter) -> list[tuple[str, str, float]]:
    found, portion = [], view.portion(wanted, None)
    while portion is not None:
        found += [(portion.device, portion.name, value) for block in portion.blocks for value in unpack(block)[1]]
        portion = view.portion(wanted, portion)
    return sorted(found)


def all_changes(view: HistoryView, wanted: ReadingFilter) -> list[tuple[str, str, str]]:
    found, texts = [], view.texts(wanted, None)
    while texts is not None:
        found += [(texts.device, texts.name, value) for _, _, value in texts.changes]
        texts = view.texts(wanted, texts)
    return found
