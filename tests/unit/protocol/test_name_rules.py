"""Names in maps are proven once, and refused wherever they stand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from darvaz.protocol.codec import MessageCodec
from darvaz.protocol.faults import Fault
from darvaz.protocol.name_rules import NAMES_KEPT_MAX

LED = {"on": {"type": "boolean"}}


def connect(**fields: Any) -> str:
    return json.dumps({"type": "connect", "device": "shed", **fields})


def report(*names: str) -> str:
    return json.dumps({"type": "telemetry", "values": dict.fromkeys(names, 1)})


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (report("heat", "li ght"), "values"),
        (report(""), "values"),
        (report("1st"), "values"),
        (report("heat\n"), "values"),
        (report("x" * 33), "values"),
        (connect(commands={"a-b": LED}), "commands"),
        (connect(commands={"led": LED, "pan": {"a.b": {"type": "number"}}}), "commands"),
        (connect(telemetry={"é": {}}), "telemetry"),
    ],
)
def test_a_wrong_name_is_refused_before_and_after_the_right_ones_are_known(text: str, field: str) -> None:
    codec = MessageCodec()
    first = codec.parse(text)
    codec.parse(connect(commands={"led": LED, "pan": {}}, telemetry={"heat": {}}))
    second = codec.parse(text)

    assert isinstance(first, Fault) and first == second
    assert first.field is not None and first.field.startswith(field)


def test_beyond_the_maximum_names_are_still_proven() -> None:
    codec = MessageCodec()
    for number in range(0, NAMES_KEPT_MAX + 64, 64):
        codec.parse(report(*(f"name_{number + at}" for at in range(64))))

    assert len(codec._name_rules._known) == NAMES_KEPT_MAX
    assert not isinstance(codec.parse(report("one_more")), Fault)
    assert isinstance(codec.parse(report("one more")), Fault)
