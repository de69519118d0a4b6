"""Equal parts of introductions are one object, as long as they are kept."""

from __future__ import annotations

import json
from typing import Any

from darvaz.gateway.devices.shared_parts import PARTS_MAX, SharedParts


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


def test_one_part_beyond_the_maximum_replaces_the_oldest() -> None:
    parts = SharedParts()
    oldest: dict[str, Any] = {"commands": {"first": {}}}
    parts.share(dict(oldest))
    for number in range(PARTS_MAX - 1):
        parts.share({"commands": {f"command-{number}": {}}})
    again: dict[str, Any] = {"commands": {"first": {}}}
    assert parts.share(dict(again))["commands"] is oldest["commands"]

    parts.share({"commands": {"one-more": {}}})

    assert parts.share(again)["commands"] is not oldest["commands"]
    assert len(parts._kept) == PARTS_MAX
