"""Introductions that declare what others declared are read as if they were the first, and share what is equal."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from darvaz.protocol.codec import MessageCodec
from darvaz.protocol.faults import Fault
from darvaz.protocol.introductions import _MARK, RECENT_MAX

LED = {"led": {"on": {"type": "boolean", "title": "چراغ"}}}
HEAT = {"heat": {"unit": "°C"}}


def connect(device: str = "shed", **fields: Any) -> str:
    return json.dumps({"type": "connect", "device": device, **fields}, ensure_ascii=False)


RICH = connect(commands=LED, telemetry=HEAT)


def read(codec: MessageCodec, text: str) -> Any:
    found = codec.parse_first(text)
    assert not isinstance(found, Fault), found
    return found


def test_equal_parts_of_two_boards_are_one_object_and_all_else_is_their_own() -> None:
    codec = MessageCodec()
    first = read(codec, connect("shed", commands=LED, telemetry=HEAT, deadlines_s={"led": 9}, boot_id="a"))
    second = read(codec, connect("barn", commands=LED, telemetry=HEAT, deadlines_s={"led": 9}, boot_id="b"))

    assert first.commands is second.commands and first.telemetry is second.telemetry
    assert first.deadlines_s is not second.deadlines_s
    assert (first.device, first.boot_id, second.device, second.boot_id) == ("shed", "a", "barn", "b")


@pytest.mark.parametrize(
    "text",
    [
        connect(),
        RICH,
        connect(commands={}, telemetry={}),
        connect(commands=LED),
        connect(telemetry=HEAT, board="Pico W", ip="192.0.2.7", mac="28cdc10a0b0c", heap_free_bytes=9, uptime_ms=1),
        connect(commands=LED, deadlines_s={"led": 2.5}, program={"state": "good", "release": "1", "counter": 4}),
        connect(commands=LED, of_a_later_version={"a": [{}]}),
        connect(commands={"led": {"on": {"type": "boolean", "of_a_later_version": 1}}}),
        RICH.replace('"type": "connect", ', "")[:-1] + ', "type": "connect"}',
        RICH.replace(":", " : "),
        json.dumps(json.loads(RICH), ensure_ascii=False, separators=(",", ":")),
        connect(telemetry={"commands": HEAT["heat"], "heat": HEAT["heat"]}),
        connect(version=_MARK, commands=LED, telemetry=HEAT),
    ],
)
def test_each_reading_says_what_the_codec_says(text: str) -> None:
    codec = MessageCodec()
    expected = msgspec.to_builtins(codec.parse(text))

    found = [codec.shared_parts.fields_of(read(codec, text)) for _ in range(3)]

    assert found == [expected] * 3


@pytest.mark.parametrize(
    "text",
    [
        connect("a/b", commands=LED, telemetry=HEAT),
        connect(commands=HEAT, telemetry=HEAT),
        connect(commands=LED, telemetry=LED | {"a b": {}}),
        connect(commands=LED, deadlines_s={"a b": 1}),
        connect(commands=LED, deadlines_s={"led": 601}),
        connect(commands=LED, version=3),
        connect(commands=None),
        connect(commands=LED, program={"state": "lost"}),
        connect(commands=LED, later=json.loads("[" * 16 + "]" * 16)),
        connect(commands=LED, program={"state": "good", "later": json.loads("[" * 15 + "]" * 15)}),
        connect(commands={"led": {"on": {"type": "boolean", "later": json.loads("[" * 13 + "]" * 13)}}}),
        connect(commands=int(_MARK)),
        RICH.replace('{"led"', _MARK + ', "other": {"led"'),
        RICH.replace(', "telemetry"', '5, "telemetry"'),
        connect(commands={"commands": LED}),
        RICH[:-1],
        RICH + "}",
        RICH.replace("boolean", "bool\x01ean"),
        RICH.replace("چراغ", "\ud800"),
        '{"type":"ping","time":-1}',
    ],
)
def test_a_text_that_the_codec_refuses_is_refused_whatever_is_known(text: str) -> None:
    codec = MessageCodec()
    refused = codec.parse(text)
    read(codec, RICH)
    read(codec, connect(commands=LED, telemetry=HEAT, deadlines_s={"led": 9}, program={"state": "good"}))

    assert isinstance(refused, Fault)
    assert [codec.parse_first(text) for _ in range(2)] == [refused, refused]


def test_no_more_parts_than_the_limit_are_looked_for_and_the_others_are_still_shared() -> None:
    codec = MessageCodec()
    texts = [connect(commands={f"led_{number}": LED["led"]}) for number in range(RECENT_MAX + 1)]

    first = [read(codec, text) for text in texts]
    again = [read(codec, text) for text in texts * 2]

    assert [len(recent) for recent in codec._introductions._recent.values()] == [RECENT_MAX, 0]
    assert [id(one.commands) for one in again] == [id(one.commands) for one in first * 2]


def test_other_messages_are_read_as_ever() -> None:
    codec = MessageCodec()

    assert codec.parse_first('{"type":"ping"}') == codec.parse('{"type":"ping"}')
