"""The quick look at an accepted text finds what the slow one finds, however the text hides it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darvaz.protocol.codec import MessageCodec
from darvaz.protocol.duplicate_keys import UNKNOWN_CHARS_MAX, KeyCounter, shows_each_key_once
from darvaz.protocol.faults import Fault, find_json_trouble

PROTOCOL = MessageCodec()
DEPTH_MAX = PROTOCOL.numbers["depth_max"]
DEEPEST = "[" * (DEPTH_MAX - 1) + "]" * (DEPTH_MAX - 1)

SOUND = [
    '{"type":"ping"}',
    '{"type":"log","message":"at 12:30:05: https://example.org:80","level":"info"}',
    '{"type":"ack","id":7,"status":"ok","result":{"angle":90,"more":[{"a":1},{"b":"x"}]}}',
    '{"type":"telemetry","values":{"a":1,"b":2.5,"c":true},"uptime_ms":5}',
    '{"type":"connect","device":"a:b","commands":{"pan":{"angle":{"type":"number","min":0}},"stop":{}}}',
    '{"type":"ack","result":' + DEEPEST + "}",
]
UNSOUND = [
    '{"type":"ping","type":"ping"}',
    '{"type":"log","message":"a","message":"b"}',
    '{"type":"log","message":"a:b","message":"c"}',
    '{"type":"log","message":"a","message":"b:c"}',
    '{"type":"log","message":"a","message":"\\u003a"}',
    '{"type":"log","message":"a","mess\\u0061ge":"\\u003A\\u003a"}',
    '{"type":"ack","result":{"a":1,"a":2}}',
    '{"type":"ack","result":[{"a":1},{"b":{"c":1,"c":1}}]}',
    '{"type":"telemetry","values":{"a":1,"a":2}}',
    '{"type":"telemetry","values":{"a":1},"values":{"b":2}}',
    '{"type":"ack","result":[' + DEEPEST + "]}",
    '{"type":"ping","unknown":{"a":1,"a":2}}',
]


@pytest.mark.parametrize("text", SOUND)
def test_a_sound_text_is_taken(text: str) -> None:
    assert not isinstance(PROTOCOL.parse(text), Fault)


@pytest.mark.parametrize("text", UNSOUND)
def test_a_key_given_twice_and_deep_nesting_are_found(text: str) -> None:
    fault = PROTOCOL.parse(text)

    assert isinstance(fault, Fault) and fault.code == "not_json"


@pytest.mark.parametrize("text", SOUND)
def test_an_ordinary_text_needs_no_second_parse(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "darvaz.protocol.codec.find_json_trouble", lambda text, depth: pytest.fail(f"parsed twice: {text}")
    )

    PROTOCOL.parse(text)


_STRINGS = st.text(alphabet='ab:{}[]",\\\u003a د', max_size=8)
_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 5), _STRINGS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(_STRINGS, inner, max_size=3),
    ),
    max_leaves=6,
)
_KEYS = st.sampled_from(["message", "level", "id", "status", "result", "values", "uptime_ms", "x"])
_PAIRS = st.lists(st.tuples(_KEYS, _VALUES), max_size=6)


@settings(max_examples=1500, deadline=None)
@given(name=st.sampled_from(["log", "ack", "ping", "telemetry"]), pairs=_PAIRS, is_escaped=st.booleans())
def test_no_text_that_the_strict_parser_refuses_is_proved_sound(
    name: str, pairs: list[tuple[str, object]], is_escaped: bool
) -> None:
    members = [f'"type":"{name}"', *(f'"{key}":{json.dumps(value, ensure_ascii=False)}' for key, value in pairs)]
    text = "{" + ",".join(members) + "}"
    text = text.replace(":a", "\\u003aa") if is_escaped else text

    message = PROTOCOL.parse(text)

    if find_json_trouble(text, DEPTH_MAX) is not None:
        assert isinstance(message, Fault)


def test_a_message_without_optional_fields_is_known_by_its_colons_alone() -> None:
    assert KeyCounter(PROTOCOL.messages["ping"], PROTOCOL.document["$defs"], DEPTH_MAX).plain_colons == 1
    assert KeyCounter(PROTOCOL.messages["ack"], PROTOCOL.document["$defs"], DEPTH_MAX).plain_colons == -1


UNKNOWN = [
    '{"type":"ping","x":1}',
    '{"type":"ping","x":"12:30:00"}',
    '{"type":"ping","x":{"a:b":[1,":",{"c":null}]}}',
]


@pytest.mark.parametrize("text", UNKNOWN)
def test_unknown_fields_need_no_strict_parse(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "darvaz.protocol.codec.find_json_trouble", lambda text, depth: pytest.fail(f"parsed twice: {text}")
    )

    assert not isinstance(PROTOCOL.parse(text), Fault)


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"ping","x":1,"x":2}',
        '{"type":"ping","x":":","x":"a"}',
        '{"type":"ping","x":"a","x":"\\u003a"}',
        '{"type":"ping","x":[{"a":1,"a":1}]}',
        '{"type":"ping","x":' + "[" * DEPTH_MAX + "]" * DEPTH_MAX + "}",
    ],
)
def test_trouble_in_unknown_fields_is_found(text: str) -> None:
    fault = PROTOCOL.parse(text)

    assert isinstance(fault, Fault) and fault.code == "not_json"


def test_a_text_with_unknown_fields_is_looked_at_strictly_beyond_its_maximum() -> None:
    longest = '{"type":"ping","x":"' + "a" * (UNKNOWN_CHARS_MAX - 22) + '"}'

    assert len(longest) == UNKNOWN_CHARS_MAX
    assert shows_each_key_once(longest, 2, DEPTH_MAX)
    assert not shows_each_key_once(longest + " ", 2, DEPTH_MAX)
