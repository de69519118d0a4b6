"""Texts become messages or faults that name the field and the rule."""

from __future__ import annotations

import json
import sys
from typing import Any

import msgspec
import pytest

from darvaz.protocol.codec import MessageCodec, type_name
from darvaz.protocol.faults import Fault
from darvaz.protocol.schema_types import TypeMaker

PROTOCOL = MessageCodec()


def parse_fault(text: str) -> Fault:
    fault = PROTOCOL.parse(text)
    assert isinstance(fault, Fault), f"accepted: {fault}"
    return fault


@pytest.mark.parametrize(
    ("text", "code", "field"),
    [
        ("", "not_json", None),
        ("nonsense", "not_json", None),
        ("[]", "not_json", None),
        ("3", "not_json", None),
        ("null", "not_json", None),
        ('"ping"', "not_json", None),
        ('{"type":"ping"} {"type":"ping"}', "not_json", None),
        ('{"type":"ping","time":NaN}', "not_json", None),
        ('{"type":"ping","x":Infinity}', "not_json", None),
        ('{"type":"log","message":"\\ud800"}', "not_json", None),
        ('{"type":"log","message":"\ud800"}', "not_json", None),
        ('{"type":"ping","type":"log","message":"x"}', "invalid", "type"),
        ('{"a":1}', "invalid", "type"),
        ('{"type":3}', "invalid", "type"),
        ('{"type":"teleport"}', "unknown_type", "type"),
        ('{"type":"command","id":1,"name":"pan","args":{}}', "wrong_sender", "type"),
        ('{"type":"connection_ack","status":"success","message":""}', "wrong_sender", "type"),
        ('{"type":"log"}', "invalid", "message"),
        ('{"type":"log","message":3}', "invalid", "message"),
        ('{"type":"log","message":"x","level":"loud"}', "invalid", "level"),
        ('{"type":"log","message":"' + "x" * 12289 + '"}', "invalid", "message"),
        ('{"type":"ping","time":1e400}', "invalid", "time"),
        ('{"type":"ping","time":-1}', "invalid", "time"),
        ('{"type":"ping","time":true}', "invalid", "time"),
        ('{"type":"telemetry","values":{"a b":1}}', "invalid", "values"),
        ('{"type":"telemetry","values":{},"seq":-1}', "invalid", "seq"),
        ('{"type":"telemetry","values":{},"seq":1073741824}', "invalid", "seq"),
        ('{"type":"log","message":"x","seq":1.5}', "invalid", "seq"),
        ('{"type":"connect","device":"a","uptime_ms":-1}', "invalid", "uptime_ms"),
        ('{"type":"telemetry","values":{"a":1e300}}', "invalid", "values[...]"),
        ('{"type":"connect","device":"a/b"}', "invalid", "device"),
        ('{"type":"connect","device":".."}', "invalid", "device"),
        ('{"type":"connect","device":"a\\n"}', "invalid", "device"),
        ('{"type":"connect","device":"a\\u202eb"}', "invalid", "device"),
        ('{"type":"connect","device":"a\\u200bb"}', "invalid", "device"),
        ('{"type":"telemetry","values":{"a\\n":1}}', "invalid", "values"),
        ('{"type":"connect","device":"' + "x" * 65 + '"}', "invalid", "device"),
        (
            '{"type":"connect","device":"p","commands":{"go":{"x":{"type":"nummer"}}}}',
            "invalid",
            "commands[...][...].type",
        ),
    ],
)
def test_a_faulty_text_is_answered_with_its_rule_and_field(text: str, code: str, field: str | None) -> None:
    fault = parse_fault(text)

    assert (fault.code, fault.field) == (code, field)
    assert 0 < len(fault.message) <= 512


def test_a_choice_is_explained_by_its_choices() -> None:
    fault = parse_fault('{"type":"log","message":"x","level":"loud"}')

    assert fault.message == "level: expected one of debug, info, warning, error, critical"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"type":"connect","device":"a b"}', "device: a device id is not . or .. and has 1 to 64 characters"),
        ('{"type":"connect","device":""}', "device: a device id is not . or .. and has 1 to 64 characters"),
        ('{"type":"connect","device":5}', "device: expected a string, got an integer"),
        ('{"type":"connect","device":"p","version":"' + "x" * 33 + '"}', "version: expected at most 32 characters"),
        ('{"type":"telemetry","values":{"a b":1}}', "values: the name of an entry: a name has 1 to 32 Latin letters"),
        ('{"type":"telemetry","values":{"a":1e16}}', "values[...]: expected a number of at most 1000000000000000"),
        ('{"type":"ack","id":-1}', "id: expected an integer of 0 or more"),
        (
            '{"type":"connect","device":"p","commands":{"go":{"x":{"type":"number","choices":[]}}}}',
            "commands[...][...].choices: expected 1 or more items",
        ),
        (
            '{"type":"connect","device":"p","commands":{"go":{"x":{"type":"nummer"}}}}',
            "commands[...][...].type: expected one of number, integer, string, boolean",
        ),
    ],
)
def test_a_fault_is_explained_in_words_for_everyone(text: str, sentence: str) -> None:
    explanation = parse_fault(text).message

    assert explanation.startswith(sentence)
    assert not any(part in explanation for part in ("regex", "`", "^", "<=", ">="))


def test_a_device_id_may_be_a_persian_name_with_its_joiners() -> None:
    message: Any = PROTOCOL.parse('{"type":"connect","device":"گل‌خانه"}')

    assert message.device == "گل‌خانه"


def test_unknown_fields_are_ignored() -> None:
    message = PROTOCOL.parse('{"type":"ping","mood":{"good":true}}')

    assert not isinstance(message, Fault)
    assert type_name(message) == "ping"


def test_colons_inside_strings_are_not_keys() -> None:
    message: Any = PROTOCOL.parse('{"type":"log","message":"a:b:c"}')

    assert message.message == "a:b:c"


def test_bytes_are_read_like_text() -> None:
    assert PROTOCOL.parse(b'{"type":"ping"}') == PROTOCOL.parse('{"type":"ping"}')


def test_every_example_of_a_device_is_accepted_and_every_example_can_be_made() -> None:
    for name, schema in PROTOCOL.messages.items():
        for example in schema["examples"]:
            fields = {key: value for key, value in example.items() if key != "type"}
            assert json.loads(PROTOCOL.dump(PROTOCOL.make(name, **fields))) == example
            if "device" in schema["x-sender"]:
                assert not isinstance(PROTOCOL.parse(json.dumps(example)), Fault)


def test_a_command_is_checked_before_it_is_sent() -> None:
    good = PROTOCOL.check("command", {"id": 1, "name": "pan", "args": {"angle": 90}})
    bad = PROTOCOL.check("command", {"id": 1, "name": "pan", "args": {"angle": [90]}})

    assert isinstance(good, msgspec.Struct) and not isinstance(good, Fault)
    assert isinstance(bad, Fault) and bad.field == "args[...]"


def test_a_rule_that_cannot_be_checked_is_refused_at_start() -> None:
    maker = TypeMaker({"$defs": {"odd": {"type": "number", "multipleOf": 2}}})

    with pytest.raises(ValueError, match="multipleOf"):
        maker.definition("odd")


def test_a_text_that_was_parsed_takes_no_more_memory_than_before() -> None:
    """The journal keeps the texts of messages; CPython would keep their bytes beside them."""
    text = json.dumps({"type": "log", "message": "هوا " * 100, "level": "info"}, ensure_ascii=False)
    size_bytes = sys.getsizeof(text)

    assert not isinstance(PROTOCOL.parse(text), Fault)

    assert sys.getsizeof(text) == size_bytes
