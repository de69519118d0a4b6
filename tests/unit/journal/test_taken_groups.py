"""The numbers of messages in groups that wait: found by the groups that a thread takes, and forgotten with them."""

from __future__ import annotations

from darvaz.gateway.journal.taken_groups import TakenGroups
from darvaz.gateway.storage.taken import Taken


def taken(number: int) -> Taken:
    return (f"board-{number % 2}", "boot", [number])


def noted(*groups: int) -> TakenGroups:
    waiting = TakenGroups()
    for group in groups:
        waiting.note(group, taken(group))
    return waiting


def test_the_numbers_between_two_groups_are_those_from_the_first_to_before_the_second() -> None:
    waiting = noted(2, 3, 7, 9)

    assert waiting.between(3, 9) == [taken(3), taken(7)]
    assert waiting.between(4, 7) == []
    assert waiting.between(0, 100) == [taken(2), taken(3), taken(7), taken(9)]


def test_what_is_stored_is_forgotten_and_the_rest_stays() -> None:
    waiting = noted(2, 3, 7)

    waiting.drop_before(4)

    assert waiting.between(0, 100) == [taken(7)]
    assert waiting.devices() == {"board-1"}


def test_groups_without_numbers_have_none() -> None:
    assert noted().between(0, 5) == []
