"""Equal parts of introductions are one object, as long as they are kept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from darvaz.protocol.shared_parts import PARTS_MAX, TEXTS_MAX, SharedParts


def introduction(device: str, command: str = "led") -> dict[str, Any]:
    return {"device": device, "commands": {command: {"on": {"type": "boolean"}}}, "telemetry": {"heat": {"unit": "°C"}}}


def test_equal_parts_are_shared_and_the_rest_is_not() -> None:
    parts = SharedParts()
    first, second, other = (parts.share(introduction(*names)) for names in (("a",), ("b",), ("c", "pan")))

    assert first["commands"] is second["commands"]
    assert first["telemetry"] is second["telemetry"] is other["telemetry"]
    assert (second["device"], other["commands"]) == ("b", introduction("c", "pan")["commands"])


def test_equal_texts_of_introductions_are_shared() -> None:
    parts, texts = SharedParts(), ("version", "board", "reset_cause")
    first, second = (
        parts.share(json.loads('{"version":"1.9","board":"Pico W","reset_cause":"off"}')) for _ in range(2)
    )

    assert all(first[name] is second[name] for name in texts)
    assert first == {"version": "1.9", "board": "Pico W", "reset_cause": "off"}


def test_an_introduction_without_parts_stays_as_it_is() -> None:
    assert SharedParts().share({"device": "a", "commands": {}}) == {"device": "a", "commands": {}}


def test_a_part_that_may_be_of_several_devices_cannot_be_changed() -> None:
    shared = SharedParts().share(introduction("a"))["commands"]

    with pytest.raises(TypeError):
        shared["pan"] = {}
    with pytest.raises(TypeError):
        del shared["led"]
    assert shared == introduction("a")["commands"]


def test_one_part_beyond_the_maximum_replaces_the_oldest() -> None:
    parts = SharedParts()
    oldest = parts.share({"commands": {"first": {}}})["commands"]
    for number in range(PARTS_MAX - 1):
        parts.share({"commands": {f"command-{number}": {}}})
    assert parts.share({"commands": {"first": {}}})["commands"] is oldest

    parts.share({"commands": {"one-more": {}}})

    assert parts.share({"commands": {"first": {}}})["commands"] is not oldest
    assert len(parts._kept) == PARTS_MAX


def test_one_text_beyond_the_maximum_replaces_the_oldest_of_its_field() -> None:
    parts = SharedParts()
    parts.learn("telemetry", b"0", {"heat": {}})
    for number in range(TEXTS_MAX):
        parts.learn("commands", b"%d" % number, {f"command-{number}": {}})
    assert parts.find("commands", b"0") == {"command-0": {}}

    parts.learn("commands", b"one more", {})

    assert parts.find("commands", b"0") is None
    assert parts.find("commands", b"1") == {"command-1": {}}
    assert parts.find("telemetry", b"0") == {"heat": {}}


def test_two_texts_of_one_part_share_it_with_what_was_stored() -> None:
    parts = SharedParts()
    stored = parts.share(introduction("a"))["commands"]

    assert parts.learn("commands", b"one text", introduction("b")["commands"]) is stored
    assert parts.learn("commands", b"another", introduction("c")["commands"]) is stored
