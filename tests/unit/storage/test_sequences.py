"""Sequences: each number of a board counts once, however often and in whatever order it comes."""

from __future__ import annotations

import random

from darvaz.gateway.storage.sequences import BOOTS_MAX, MISSING_MAX, Sequences


def test_numbers_in_order_are_new_and_nothing_is_missing() -> None:
    sequences = Sequences()

    assert [sequences.take("pico", "a", number) for number in range(100)] == [0] * 100


def test_what_a_board_sends_again_is_known() -> None:
    sequences = Sequences()
    for number in range(10):
        sequences.take("pico", "a", number)

    assert [sequences.take("pico", "a", number) for number in range(5, 12)] == [None] * 5 + [0, 0]


def test_what_is_missing_is_counted_once_and_taken_when_it_comes_late() -> None:
    sequences = Sequences()
    sequences.take("pico", "a", 0)

    assert sequences.take("pico", "a", 5) == 4
    assert sequences.take("pico", "a", 6) == 0
    assert sequences.take("pico", "a", 3) == 0
    assert sequences.take("pico", "a", 3) is None


def test_a_board_that_starts_again_counts_from_the_beginning() -> None:
    sequences = Sequences()
    for number in range(5):
        sequences.take("pico", "a", number)

    assert sequences.take("pico", "b", 0) == 0
    assert sequences.take("pico", "a", 4) is None


def test_devices_do_not_share_numbers() -> None:
    sequences = Sequences()
    sequences.take("one", "a", 0)

    assert sequences.take("two", "a", 0) == 0


def test_one_start_more_than_is_remembered_forgets_the_oldest() -> None:
    sequences = Sequences()
    for boot in range(BOOTS_MAX + 1):
        sequences.take("pico", f"boot {boot}", 0)

    assert sequences.take("pico", f"boot {BOOTS_MAX}", 0) is None
    assert sequences.take("pico", "boot 0", 0) == 0


def test_one_stretch_more_than_is_remembered_counts_as_taken() -> None:
    sequences = Sequences()
    for number in range(MISSING_MAX + 1):
        assert sequences.take("pico", "a", 2 * number + 1) == 1

    assert sequences.take("pico", "a", 0) is None
    assert sequences.take("pico", "a", 2) == 0


def test_what_was_dumped_is_known_after_a_start_of_the_gateway() -> None:
    before = Sequences()
    for number in (0, 1, 5):
        before.take("pico", "a", number)
    after = Sequences()
    after.load("pico", before.dump("pico"))

    assert [after.take("pico", "a", number) for number in (1, 3, 3, 5, 6)] == [None, 0, None, None, 0]


def test_each_number_counts_once_in_any_order() -> None:
    chance = random.Random(3)
    for _ in range(300):
        sequences, taken, lost = Sequences(), [], 0
        window = [number for number in range(40) for _ in range(chance.randrange(3))]
        window.sort(key=lambda number: number + chance.uniform(0, 6))
        for number in window:
            missing = sequences.take("pico", "a", number)
            if missing is not None:
                taken.append(number)
                lost += missing
        assert sorted(taken) == sorted(set(window))
