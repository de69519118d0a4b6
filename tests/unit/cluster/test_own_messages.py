"""Messages of boards with the numbers of their entries: all that came together, and what the journal does not have."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from darvaz.gateway.cluster.own_messages import OwnMessages, rows_of
from darvaz.gateway.journal.batches import PAYLOAD_CHARS_MAX, cut

Handed = list[tuple[str, list[Any]]]


def run(play: Callable[[OwnMessages], None]) -> Handed:
    handed: Handed = []

    async def turn() -> None:
        play(OwnMessages(lambda device, messages: handed.append((device, messages))))
        await asyncio.sleep(0)

    asyncio.run(turn())
    return handed


def test_messages_get_the_numbers_of_their_entries_together() -> None:
    def play(own: OwnMessages) -> None:
        own.wait_reports("pico_1", [(1.5, "first"), (1.75, "second")])
        own.wait("log", "pico_1", "a line", 2.0)
        entries = [
            ("<", "telemetry", "t1"),
            ("<", "ping", "p"),
            ("<", "telemetry", "t2", 3),
            ("=", "gap", "g"),
            ("<", "log", "l"),
        ]
        own.number(40, "pico_1", entries)

    assert run(play) == [
        (
            "pico_1",
            [
                ("telemetry", "first", 1.5, 40, "t1"),
                ("telemetry", "second", 1.75, 42, "t2"),
                ("log", "a line", 2.0, 44, "l"),
            ],
        )
    ]


def test_what_the_journal_has_no_room_for_is_handed_on_without_a_number() -> None:
    def play(own: OwnMessages) -> None:
        own.wait_reports("pico_1", [(1.5, "first"), (1.75, "second")])
        own.number(40, "pico_1", [("<", "telemetry", "t1")])

    assert run(play) == [
        ("pico_1", [("telemetry", "first", 1.5, 40, "t1")]),
        ("pico_1", [("telemetry", "second", 1.75, 0, "")]),
    ]


def test_entries_of_others_number_nothing() -> None:
    def play(own: OwnMessages) -> None:
        own.wait("log", "pico_1", "a line", 2.0)
        own.wait("log", None, "nobody's", 2.0)
        own.number(40, "pico_2", [("<", "log", "l")])
        own.number(41, None, [("<", "log", "l")])

    assert run(play) == [("pico_1", [("log", "a line", 2.0, 0, "")])]


def test_others_get_the_text_of_the_board_or_the_message_again() -> None:
    long = "x" * (PAYLOAD_CHARS_MAX + 1)

    def play(own: OwnMessages) -> None:
        own.wait("log", "pico_1", long, 2.0)
        own.wait("ack", "pico_1", "done", 3.0)
        own.number(40, "pico_1", [("<", "log", cut(long)), ("<", "ack", "as sent")])

    ((_, messages),) = run(play)
    rows, chars = rows_of("pico_1", messages, "j1", str, {"led": {"on": True}})

    assert rows == [
        ("pico_1", 2.0, long, None, "j1", 40),
        ("pico_1", 3.0, "as sent", {"led": {"on": True}}, "j1", 41),
    ]
    assert chars == len(long) + len("as sent")
