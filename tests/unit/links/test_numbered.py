"""The numbers of a board's messages on one link."""

from __future__ import annotations

import json
from typing import Any, cast
from unittest.mock import Mock

from darvaz.gateway.links.numbered import REPEATED, Numbered
from darvaz.gateway.storage.sequences import Sequences
from darvaz.protocol.codec import MessageCodec

PROTOCOL = MessageCodec()


def message(type_: str, **fields: Any) -> Any:
    return PROTOCOL.parse(json.dumps({"type": type_, **fields}))


def numbered(sequences: Sequences, **introduction: Any) -> Numbered:
    link = Numbered(sequences, cast(Any, None))
    link.begin(message("connect", device="pico", **introduction))
    return link


def take(link: Numbered, taken: Any) -> int:
    return link.take(taken, cast(Any, Mock()), is_urgent=False)


def log(number: int) -> Any:
    return message("log", message="x", seq=number)


def test_a_number_is_taken_once_over_all_links_of_one_start() -> None:
    sequences = Sequences()
    first = numbered(sequences, boot_id="b1")
    second = numbered(sequences, boot_id="b1")

    assert [take(first, log(0)), take(first, log(1)), take(second, log(1)), take(second, log(2))] == [0, 0, REPEATED, 0]
    assert first.take_fresh() == ("pico", "b1", [0, 1])
    assert second.take_fresh() == ("pico", "b1", [2])
    assert second.take_fresh() is None


def test_what_is_missing_is_counted_once() -> None:
    link = numbered(Sequences(), boot_id="b1")

    assert [take(link, log(0)), take(link, log(5)), take(link, log(6))] == [0, 4, 0]


def test_a_board_that_started_again_counts_from_the_start() -> None:
    sequences = Sequences()
    take(numbered(sequences, boot_id="b1"), log(0))

    assert take(numbered(sequences, boot_id="b2"), log(0)) == 0


def test_without_a_start_nothing_is_a_repetition() -> None:
    link = numbered(Sequences())

    assert [take(link, log(0)), take(link, log(0))] == [0, 0]
    assert link.take_fresh() is None
