"""What holds for the JSON of every message: repeated keys, nesting, numbers, and how often a text is parsed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darvaz.protocol.codec import MessageCodec
from darvaz.protocol.faults import Fault, JsonFault, nests_deeper, parse_strictly
from tests.support.examples import examples

PROTOCOL = MessageCodec()
DEPTH_MAX = PROTOCOL.numbers["depth_max"]
TEXT_BYTES_MAX = PROTOCOL.numbers["text_bytes_max"]


def brackets(depth: int) -> str:
    return "[" * depth + "]" * depth


# Repeated keys


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ('{"type":"ping","type":"ping"}', '{"type":"ping"}'),
        ('{"type":"log","message":"a","message":"b"}', '{"type":"log","message":"b"}'),
        ('{"type":"log","message":"a:b","mess\\u0061ge":"\\u003A"}', '{"type":"log","message":":"}'),
        ('{"type":"telemetry","values":{"a":1,"a":2}}', '{"type":"telemetry","values":{"a":2}}'),
        ('{"type":"telemetry","values":{"a":1},"values":{"b":2}}', '{"type":"telemetry","values":{"b":2}}'),
        ('{"type":"ack","result":[{"a":1},{"b":{"c":1,"c":2}}]}', '{"type":"ack","result":[{"a":1},{"b":{"c":2}}]}'),
        ('{"type":"ping","unknown":{"a":1,"a":2}}', '{"type":"ping"}'),
    ],
)
def test_the_last_value_of_a_repeated_key_counts(text: str, meant: str) -> None:
    message = PROTOCOL.parse(text)

    assert not isinstance(message, Fault)
    assert message == PROTOCOL.parse(meant)


def test_a_message_of_two_types_is_refused() -> None:
    fault = PROTOCOL.parse('{"type":"ping","type":"log","message":"x"}')

    assert fault == Fault("invalid", "type: given twice, with two values", "type")


def test_every_value_of_a_repeated_key_must_be_valid() -> None:
    fault = PROTOCOL.parse('{"type":"log","message":"' + "x" * 12_289 + '","message":"y"}')

    assert isinstance(fault, Fault) and (fault.code, fault.field) == ("invalid", "message")


_STRINGS = st.text(alphabet='ab:{}[]",\\: د', max_size=8)
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


@examples(60)
@given(name=st.sampled_from(["log", "ack", "ping", "telemetry"]), pairs=_PAIRS)
def test_an_accepted_text_means_what_any_json_reader_reads(name: str, pairs: list[tuple[str, object]]) -> None:
    members = [f'"type":"{name}"', *(f'"{key}":{json.dumps(value, ensure_ascii=False)}' for key, value in pairs)]
    text = "{" + ",".join(members) + "}"

    message = PROTOCOL.parse(text)

    if not isinstance(message, Fault):
        assert message == PROTOCOL.parse(json.dumps(json.loads(text)))


# Nesting


@pytest.mark.parametrize("field", ["result", "unknown"])
def test_nesting_is_accepted_to_its_maximum_and_not_one_beyond(field: str) -> None:
    def nested(depth: int) -> str:
        return f'{{"type":"ack","{field}":{brackets(depth - 1)}}}'

    assert not isinstance(PROTOCOL.parse(nested(DEPTH_MAX)), Fault)
    assert PROTOCOL.parse(nested(DEPTH_MAX + 1)) == Fault("not_json", "the JSON is nested too deeply")


@pytest.mark.parametrize("opened", ["[", '{"a":', '[{"a":'])
@pytest.mark.parametrize("start", ["", '{"type":"ping","x":', '{"type":"ack","result":', '{"type":"log","message":'])
def test_nesting_beyond_every_recursion_limit_is_answered_with_an_error(start: str, opened: str) -> None:
    fault = PROTOCOL.parse((start + opened * TEXT_BYTES_MAX)[:TEXT_BYTES_MAX])

    assert isinstance(fault, Fault)
    assert fault.message in ("the JSON is nested too deeply", "the text is not valid JSON")


def test_whole_texts_that_nest_beyond_every_recursion_limit_are_answered_with_an_error() -> None:
    for depth in (200, 1000, 5000, TEXT_BYTES_MAX // 2 - 20):
        fault = PROTOCOL.parse('{"type":"ack","result":' + brackets(depth) + "}")

        assert fault == Fault("not_json", "the JSON is nested too deeply")


def test_many_brackets_side_by_side_are_not_deep() -> None:
    side_by_side = json.dumps([[]] * 100)
    message: Any = PROTOCOL.parse('{"type":"ack","result":' + side_by_side + ',"message":"[[[[[[[[[[[[[[[[[[[["}')

    assert not isinstance(message, Fault)
    assert message.result == [[]] * 100


# Numbers


def test_a_number_longer_than_python_reads_is_refused_in_a_field_and_ignored_in_an_unknown_one() -> None:
    digits = "9" * 6000

    assert isinstance(PROTOCOL.parse(f'{{"type":"ack","result":{digits}}}'), Fault)
    assert PROTOCOL.parse(f'{{"type":"ping","x":{digits}}}') == PROTOCOL.parse('{"type":"ping"}')


# Cost


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"ping"}',
        '{"type":"ping","x":{"a:b":[1,":",{"c":null}]}}',
        '{"type":"log","message":"at 12:30:05: https://example.org:80","level":"info"}',
        '{"type":"ack","id":7,"status":"ok","result":{"angle":90,"more":[{"a":1},{"b":"x"}]}}',
        '{"type":"telemetry","values":{"a":1,"b":2.5,"c":true},"uptime_ms":5}',
        '{"type":"connect","device":"a:b","commands":{"pan":{"angle":{"type":"number","min":0}},"stop":{}}}',
        json.dumps(
            {"type": "connect", "device": "a", "commands": {f"c{n}": {"on": {"type": "boolean"}} for n in range(20)}}
        ),
    ],
)
def test_an_ordinary_text_is_parsed_once(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "darvaz.protocol.codec.find_json_fault", lambda text, depth: pytest.fail(f"parsed twice: {text}")
    )

    assert not isinstance(PROTOCOL.parse(text), Fault)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='ab"\\[]{}\n/سé😀'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet='k"\\[{}]'), inner, max_size=3),
    max_leaves=20,
)


@examples(100)
@given(_JSON, st.integers(0, 3), st.integers(1, 6), st.booleans())
def test_levels_are_counted_in_a_text_as_in_its_value(value: Any, more: int, depth_max: int, is_ascii: bool) -> None:
    for _ in range(more):
        value = [value, {}]
    text = json.dumps({"a": value}, ensure_ascii=is_ascii)

    assert nests_deeper(text, depth_max) == (parse_strictly(text, depth_max) == JsonFault.TOO_DEEP.fault)


@pytest.mark.parametrize("string", [r"\\", r"\"", r"\\\"", r"\"\\", "[[[[", r"\\\\\"}}{{", r"\u0022[[\u005c"])
def test_what_is_in_strings_nests_nothing(string: str) -> None:
    text = f'{{"{string}":["{string}",{{}}]}}'

    assert not nests_deeper(text, 3)
    assert nests_deeper(text, 2)
